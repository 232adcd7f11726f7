"""Slips of the keyboard in the shipped files: each is told at its own line, alone, and its hint is no riddle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftgate.config.source import parse
from driftgate.config.syntax import explain
from driftgate.errors import Problem

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "config" / "pipelines").glob("*.yaml"))
RAW = re.compile(r"did not find|could not find|found |not allowed|while (scanning|parsing)|occurrence")


def problems_of(text: str) -> tuple[Problem, ...]:
    return parse(text.encode(), "x.yaml").problems


def slips(content: str) -> Iterator[str]:
    """Return what one slip makes of a line; each of them cannot be read as YAML where it stands."""
    indent, code = re.fullmatch(r"( *)(.*?)(?: +#.*)?", content).groups()  # type: ignore[union-attr]
    key, _, value = code.partition(": ")
    if value and value[0] not in "\"'[{":
        yield f'{indent}{key}: "{value}'
        yield f"{indent}{key}: '{value}"
        yield f"{indent}{key}: @{value}"
        yield f"{indent}{key}: {value}: more"
    if value[-1:] in ("]", "}"):
        yield f"{indent}{code[:-1]}"
        yield f"{indent}{code}{code[-1]}"
    if value:
        yield f"{indent}{key}:\u00a0{value}"
        yield f"{indent}{key} = {value}"
    if indent:
        yield f"{indent[1:]}{code}"
        yield f"\t{code}"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_slip_is_told_at_its_line_and_alone(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    elsewhere = []
    for number, content in enumerate(lines, 1):
        for slip in slips(content) if content.strip() and not content.startswith("#") else ():
            found = problems_of("\n".join([*lines[: number - 1], slip, *lines[number:]]))
            if found and [problem.line for problem in found] != [number]:
                elsewhere.append((number, slip, found))

    assert elsewhere == []


@pytest.mark.parametrize(
    "value",
    ["&& x", "&{ x", "*.csv", "*", "%x", "@x", "`x`", "!<x", "!a!b x", "! x", "? a", "- a", "|0", "| x", "> x", ">-- x",
     '"\\x1"', '"\\q"', '"\\ud800"', '"x', "'x", '"x"y', "[a:]", "[a", "{a", "{a: b]", "[a}", "[,]", "[a,,b]", "}", "]",
     ",", "{{ x }}", "{a: {b}", "&a *a", "[a]: b: c", "\t\tx: y", "a: b", "'a' 'b'", "[*]", "{&}", "---", "...", "%"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["dag_id: x\nowner: {}\ntags: []\n", "{}", "a:\n  - {}\n  - b\n", "a: [{}, b]\n"])
def test_no_words_of_the_parser_reach_a_person(value: str, around: str) -> None:
    for problem in problems_of(around.replace("{}", value)):
        assert not RAW.search(problem.message), problem
        assert not RAW.search(problem.hint), problem


def test_an_error_without_a_place_is_explained_too() -> None:
    from yaml.error import YAMLError

    line, column, message, _ = explain(YAMLError("found something"), "a: b")

    assert (line, column, message) == (1, 1, "this cannot be read as YAML")


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "||||||| base", "=======", ">>>>>>> topic"])
def test_a_conflict_marker_is_recognised_even_where_the_text_can_be_read(marker: str) -> None:
    [problem] = problems_of(f'a: "text\n{marker}\n  and more"\n')

    assert (problem.line, problem.column, problem.message) == (2, 1, "this is a conflict marker of git")


@pytest.mark.parametrize("text", ["a: b  # =======\n", "a: <<<<<<< HEAD\n", "a: |\n  =======\n"])
def test_what_looks_like_a_conflict_marker_within_a_line_is_text(text: str) -> None:
    assert problems_of(text) == ()


def test_an_empty_file_is_a_problem_of_its_first_line() -> None:
    [problem] = problems_of("")

    assert (problem.line, problem.column) == (1, 1)
