"""Configurations as files: what is valid loads, what is not yields exactly the text beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftgate.config.load import Loaded, find_pipelines, load_all, load_pipeline
from driftgate.config.report import render_text

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
SHIPPED = find_pipelines(ROOT / "config")
VALID = sorted((CASES / "valid").glob("*.yaml"))
FOLDERS = sorted(path.parent for path in (CASES / "valid").glob("*/config"))
INVALID = sorted(path.parent for path in (CASES / "invalid").glob("*/expected.txt"))


def load(case: Path) -> Loaded:
    """Load a case; a file beside its configuration names the environment."""
    env = case / "env"
    return load_all(case / "config", env=env.read_text(encoding="utf-8").strip() if env.exists() else "")


@pytest.mark.parametrize("path", [*SHIPPED, *VALID], ids=lambda path: path.stem)
def test_a_valid_file_becomes_a_pipeline(path: Path) -> None:
    pipeline = load_pipeline(path, ROOT / "config", env="")

    assert pipeline.dag_id == path.stem
    assert pipeline.tasks


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_valid_files_become_pipelines_together(case: Path) -> None:
    loaded = load(case)

    assert loaded.problems == ()
    assert len(loaded.pipelines) == len(find_pipelines(case / "config"))


def test_the_shipped_configuration_has_no_problems() -> None:
    assert load_all(ROOT / "config", env="").problems == ()


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.name)
def test_an_invalid_file_yields_the_expected_text(case: Path) -> None:
    problems = load(case).problems

    assert render_text(problems, case) == (case / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.name)
def test_every_place_lies_within_its_file(case: Path) -> None:
    for problem in load(case).problems:
        if problem.code == "unknown-environment":  # about a file that is not there
            continue
        lines = (case / problem.file).read_text(encoding="utf-8", errors="replace").splitlines()
        assert problem.line <= len(lines)
        assert problem.line == 0 or 1 <= problem.column <= len(lines[problem.line - 1])


def test_there_are_cases() -> None:
    assert len(SHIPPED) >= 2
    assert len(VALID) >= 9
    assert len(INVALID) >= 120
