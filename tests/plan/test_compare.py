"""Every edit of a value is one change that names it, and what is no edit is none."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftgate.config.load import load_pipeline
from driftgate.config.words import dotted
from driftgate.errors import ConfigError
from driftgate.plan.compare import compare
from driftgate.plan.model import PipelineChange
from driftgate.plan.snapshot import State, snapshot
from driftgate.views.effective import effective
from driftgate.views.yaml_text import to_yaml

ROOT = Path(__file__).parents[2]
VALID = ROOT / "tests" / "cases" / "valid"
SHIPPED = sorted((ROOT / "config" / "pipelines").glob("*.yaml"))
CASES = [*SHIPPED, *(VALID / f"{name}.yaml" for name in ("every_key", "groups", "routes_to_groups", "two_candidates"))]
NOW = datetime(2026, 3, 1, tzinfo=UTC)

Leaf = tuple[str | int, ...]


@cache
def complete(path: Path) -> dict[str, Any]:
    """A pipeline without anything that it inherits, so that every value of it can be edited in one file."""
    return effective(load_pipeline(path, ROOT / "config", "").layers)


def leaves(data: Any, path: Leaf = ()) -> Iterator[Leaf]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    elif path not in {("dag_id",), ("api_version",)}:
        yield path


def candidates(value: Any, data: Mapping[str, Any]) -> list[Any]:
    """What an editor might write instead; not all of it is valid everywhere."""
    match value:
        case bool():
            return [not value]
        case int() | float():
            return [
                other for other in (value + 1, value * 1.01, value * 0.99, value - 1, value + 0.01) if other != value
            ]
        case str():
            similar = [words for words in SIMILAR if value in words or (words[0] == "11h" and value[:1].isdigit())]
            names = [name for name in data["tasks"] if value in data["tasks"]][:6]  # to refuse one takes long
            return [word for words in (*similar, names, [f"{value}x"]) for word in words if word != value]
        case _:
            return []


SIMILAR = (
    ["11h", "2027-12-31"], ["UTC", "Europe/Berlin"], ["@hourly", "30 5 * * 1", "@weekly"], ["mean", "max"],
    ["info", "warning"], ["integer", "number", "string"], ["none_failed", "all_success", "all_done"],
    ["value", "lower_bound"], ["value", "upper_bound"], ["accept", "refuse"],
)  # fmt: skip


def put(data: dict[str, Any], path: Leaf, value: Any) -> dict[str, Any]:
    edited = copy.deepcopy(data)
    inner: Any = edited
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return edited


def state(data: Mapping[str, Any], folder: Path) -> State | None:
    """The configuration that holds this one pipeline; None if it is not valid."""
    path = folder / "pipelines" / f"{data['dag_id']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_yaml(data), encoding="utf-8")
    for name in ("model_retraining", "drift_monitoring"):
        other = path.with_name(f"{name}.yaml")
        if other != path and not other.exists():
            other.write_text(to_yaml(complete(ROOT / "config" / "pipelines" / other.name)), encoding="utf-8")
    try:
        pipeline = load_pipeline(path, folder, "")
    except ConfigError:
        return None
    return State({pipeline.dag_id: snapshot(pipeline)})


def edited(one: State | None, after: Mapping[str, Any], folder: Path) -> PipelineChange | None:
    other = state(after, folder)
    if one is None or other is None:
        return None
    (change,) = compare(one, other, NOW)
    return change


def covers(told: str, path: Leaf) -> bool:
    return any(told == dotted(path[:length]) for length in range(1, len(path) + 1))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_editing_one_value_is_one_change_that_names_it(case: Path, tmp_path: Path) -> None:
    data = complete(case)
    edits, before = 0, state(data, tmp_path)
    paths = list(leaves(data))[:: 3 if case.stem == "every_key" else 1]  # reading it takes long
    for path in paths:
        inner: Any = data
        for key in path:
            inner = inner[key]
        for value in candidates(inner, data):
            if change := edited(before, put(data, path, value), tmp_path):
                told = [each.path for each in (*change.changes, *change.rewritten)]
                assert len(told) == 1, (path, value, told)
                assert covers(told[0], path), (path, value, told)
                edits += 1
                break
    assert edits >= 0.6 * len(paths)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", range(3))
def test_order_and_layout_are_no_change(case: Path, seed: int, tmp_path: Path) -> None:
    data = complete(case)
    shuffled = _shuffled(data, random.Random(seed))
    one = state(data, tmp_path)
    path = tmp_path / "pipelines" / f"{data['dag_id']}.yaml"
    path.write_text("# a comment\n" + yaml.safe_dump(shuffled, sort_keys=False, width=40), encoding="utf-8")
    other = State({data["dag_id"]: snapshot(load_pipeline(path, tmp_path, ""))})

    assert one
    (change,) = compare(one, other, NOW)
    assert (change.changes, change.rewritten, change.consequences) == ((), (), ())


def _shuffled(data: Any, chance: random.Random) -> Any:
    if not isinstance(data, Mapping):
        return data
    keys = list(data)
    chance.shuffle(keys)
    return {key: _shuffled(data[key], chance) for key in keys}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(chosen=st.data())
def test_several_edits_are_as_many_changes(chosen: st.DataObject, tmp_path: Path) -> None:
    data = complete(chosen.draw(st.sampled_from(SHIPPED), label="pipeline"))
    numbers = [path for path in leaves(data) if _is_number(data, path)]
    after, expected = data, set()
    for path in chosen.draw(st.lists(st.sampled_from(numbers), unique=True, max_size=5), label="edits"):
        after = put(after, path, _at(data, path) * 2)
        expected.add(path)
    change = edited(state(data, tmp_path), after, tmp_path)
    if change is None:
        return
    told = {each.path for each in change.changes}
    assert len(told) == len({path[:2] if path[0] == "gates" else path for path in expected})
    assert all(any(covers(name, path) for path in expected) for name in told)


def _is_number(data: Any, path: Leaf) -> bool:
    value = _at(data, path)
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0 and "allowed" not in path


def _at(data: Any, path: Leaf) -> Any:
    for key in path:
        data = data[key]
    return data
