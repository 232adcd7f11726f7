from __future__ import annotations

import time
from pathlib import Path

import pytest

from driftgate.config import source
from driftgate.config.source import MAX_BYTES, Document, parse


def document(text: str) -> Document:
    return parse(text.encode(), "x.yaml")


def codes(text: str) -> list[str]:
    return [problem.code for problem in document(text).problems]


def test_plain_scalars_are_what_json_takes_them_for() -> None:
    text = "{a: 1, b: -2.5, c: 1e3, d: true, e: false, f: null, g: , h: '1', i: \"null\"}"

    assert document(text).data == {
        "a": 1, "b": -2.5, "c": 1000.0, "d": True, "e": False, "f": None, "g": None, "h": "1", "i": "null",
    }  # fmt: skip


@pytest.mark.parametrize(
    "scalar",
    ["yes", "no", "on", "off", "True", "NULL", "~", "010", "0x1F", "0o7", "1_000", "12:30:00", "2026-01-01",
     "2026-01-01T00:00:00Z", ".5", "1.", "+1", "0b1", "=", "1e", "--1", "nan", "inf", "0.95%"],
)  # fmt: skip
def test_everything_else_stays_text(scalar: str) -> None:
    assert document(f"a: {scalar}\nb: 1").data["a"] == scalar


def test_a_byte_order_mark_and_windows_line_ends_are_accepted() -> None:
    parsed = parse(b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: 2\r\n", "x.yaml")

    assert parsed.data == {"a": 1, "b": {"c": 2}}
    assert parsed.problems == ()
    assert parsed.position(("b", "c")) == (3, 6)


def test_a_file_larger_than_a_mebibyte_is_refused() -> None:
    [problem] = parse(b"a: " + b"x" * MAX_BYTES, "x.yaml").problems

    assert (problem.line, problem.code) == (0, "file-too-large")


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    [problem] = source.document(source.raw(tmp_path), "x.yaml").problems

    assert problem.message == "the file cannot be read: Is a directory"


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "{a: " * 100_000, "? " * 200_000])
def test_bottomless_nesting_is_a_problem_and_no_crash(text: str) -> None:
    assert codes(text) in (["nested-too-deeply"], ["yaml-syntax"])


def test_an_alias_bomb_is_refused_quickly() -> None:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 30)]
    started = time.process_time()

    assert codes("\n".join(["l0: &l0 [x]", *levels])) == ["too-many-values"]
    assert time.process_time() - started < 5


@pytest.mark.parametrize("tag", ["!!python/object:os.system", "!<Kind.INTEGER>", "!<integer>", "!!int", "!", "!x"])
def test_no_tag_is_obeyed(tag: str) -> None:
    assert document(f"a: {tag} x").data == {"a": "x"}


def test_a_tag_on_a_key_is_a_problem() -> None:
    assert codes("!x a: 1") == ["tag"]


def test_the_first_of_two_equal_keys_counts() -> None:
    parsed = document("a: 1\nb: 2\na: 3\n")

    assert parsed.data == {"a": 1, "b": 2}
    assert [(problem.line, problem.column) for problem in parsed.problems] == [(3, 1)]


POSITIONS = """\
top: 1
section:
  name: value
  list:
    - one
    - two: 2
  flow: {a: [x, "y"]}
  empty:
  漂移: 1.5
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), (1, 1), (1, 1)),
        (("top",), (1, 6), (1, 1)),
        (("section",), (2, 1), (2, 1)),
        (("section", "name"), (3, 9), (3, 3)),
        (("section", "list"), (4, 3), (4, 3)),
        (("section", "list", 0), (5, 7), (5, 7)),
        (("section", "list", 1), (6, 7), (6, 7)),
        (("section", "list", 1, "two"), (6, 12), (6, 7)),
        (("section", "flow"), (7, 9), (7, 3)),
        (("section", "flow", "a", 1), (7, 17), (7, 17)),
        (("section", "empty"), (8, 3), (8, 3)),
        (("section", "漂移"), (9, 7), (9, 3)),
        (("section", "flow", "missing"), (7, 3), (7, 3)),
        (("section", "list", 7), (4, 3), (4, 3)),
        (("top", "below", "scalar"), (1, 1), (1, 1)),
        (("missing", "below"), (1, 1), (1, 1)),
    ],
)
def test_positions_are_exact(path: tuple[str | int, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    parsed = document(POSITIONS)

    assert parsed.position(path) == value
    assert parsed.position(path, at_key=True) == key


def test_an_unreadable_document_has_a_position_all_the_same() -> None:
    assert document("a: [").position(("a",)) == (1, 1)


def test_a_key_may_hold_brackets_and_a_value_typographic_quotes_of_its_own() -> None:
    text = "columns: {mean radius: 1}\nmean [mm]: 2\ndescription: “one” and “two”\nquoted: '“x”'\n"

    assert document(text).problems == ()


def test_lines_that_are_no_entries_are_explained_quickly() -> None:
    started = time.process_time()
    for text in ("a:\n" + "  - b\n" * 150_000 + "  c\n", "a: 1\n b: 2\n" * 80_000, "{" + "a b, " * 90_000 + "}"):
        assert "yaml-syntax" in codes(text)
    assert time.process_time() - started < 15


def test_a_text_that_cannot_be_mended_is_explained_quickly() -> None:
    started = time.process_time()
    for text in ('a: "x\n' * 100_001, "a: [b\n" * 100_000, "a: {b: '\n" * 60_000, "a:\n" + "  b: 1\n c: 2\n" * 60_000):
        assert codes(text) == ["yaml-syntax"]
    assert time.process_time() - started < 15
