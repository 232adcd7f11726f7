"""YAML for people that reads back as the same data."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from driftgate.config.source import parse
from driftgate.views.yaml_text import to_yaml

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.from_regex(
    r"[a-z0-9:#\- \n'\"{}\[\],&*!|>%@`~.]{0,20}", fullmatch=True
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12
)
mappings = st.dictionaries(text.filter(lambda key: key != "<<"), values, min_size=1, max_size=4)


def has_merge_key(data: Any) -> bool:
    if isinstance(data, dict):
        return "<<" in data or any(map(has_merge_key, data.values()))
    return isinstance(data, list) and any(map(has_merge_key, data))


@given(mappings)
def test_it_reads_back_as_the_same_data(data: dict[str, Any]) -> None:
    if has_merge_key(data):
        return
    document = parse(to_yaml(data).encode(), "x.yaml")

    assert document.problems == ()
    assert document.data == data


@given(mappings)
def test_comments_change_nothing(data: dict[str, Any]) -> None:
    if has_merge_key(data):
        return
    assert parse(to_yaml(data, lambda path: "config/a.yaml:1").encode(), "x.yaml").data == data


@pytest.mark.parametrize("word", ["yes", "No", "on", "null", "~", "12:30:00", "010", "2026-01-31", "1e3", "0x1F", "="])
def test_other_readers_take_text_for_text(word: str) -> None:
    assert yaml.safe_load(to_yaml({"key": word, word: "value", "list": [word]})) == {
        "key": word,
        word: "value",
        "list": [word],
    }


def test_it_looks_as_a_person_would_write_it() -> None:
    data = {
        "description": "Checks, then acts: no more.",
        "schedule": "@hourly",
        "retry_delay": "30s",
        "tags": ["a", "b c", "d,e"],
        "psi": {"minor": 0.1, "columns": {}},
        "addresses": [],
        "rules": [{"name": "x", "when": None}, ["u", ["v"]]],
    }

    assert to_yaml(data) == (
        'description: "Checks, then acts: no more."\n'
        'schedule: "@hourly"\n'
        "retry_delay: 30s\n"
        'tags: [a, b c, "d,e"]\n'
        "\n"
        "psi:\n"
        "  minor: 0.1\n"
        "  columns: {}\n"
        "\n"
        "addresses: []\n"
        "\n"
        "rules:\n"
        "  - name: x\n"
        "    when: null\n"
        "  - - u\n"
        "    - [v]\n"
    )


def test_comments_are_aligned_but_for_long_lines() -> None:
    data = {"a": 1, "long": "x" * 90, "bc": {"漂": 2}}

    assert to_yaml(data, lambda path: ".".join(map(str, path))).splitlines() == [
        "a: 1     # a",
        f"long: {'x' * 90}  # long",
        "",
        "bc:      # bc",
        "  漂: 2  # bc.漂",
    ]
