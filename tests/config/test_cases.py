"""Configurations as files: what is valid loads, what is not yields exactly the text beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftgate.config.load import find_pipelines, load_all, load_pipeline
from driftgate.config.report import render_text

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
SHIPPED = find_pipelines(ROOT / "config")
VALID = sorted((CASES / "valid").glob("*.yaml"))
INVALID = sorted(path.parent for path in (CASES / "invalid").glob("*/expected.txt"))


@pytest.mark.parametrize("path", [*SHIPPED, *VALID], ids=lambda path: path.stem)
def test_a_valid_file_becomes_a_pipeline(path: Path) -> None:
    pipeline = load_pipeline(path, ROOT / "config")

    assert pipeline.dag_id == path.stem
    assert pipeline.tasks


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.name)
def test_an_invalid_file_yields_the_expected_text(case: Path) -> None:
    problems = load_all(case / "config").problems

    assert render_text(problems, case) == (case / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.name)
def test_every_place_lies_within_its_file(case: Path) -> None:
    for problem in load_all(case / "config").problems:
        lines = (case / problem.file).read_text(encoding="utf-8", errors="replace").splitlines()
        assert problem.line <= len(lines)
        assert problem.line == 0 or 1 <= problem.column <= len(lines[problem.line - 1])


def test_there_are_cases() -> None:
    assert len(SHIPPED) >= 2
    assert len(VALID) >= 5
    assert len(INVALID) >= 40
