"""The hook for pre-commit and the workflow for GitHub: both run what a person runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from .conftest import Run

ROOT = Path(__file__).parents[2]


def hook() -> dict[str, Any]:
    (found,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    return dict(found)


def jobs() -> dict[str, Any]:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(workflow)["jobs"])


def commands(job: str) -> list[str]:
    return [step["run"] for step in jobs()[job]["steps"] if "run" in step]


def test_the_hook_validates_when_the_configuration_changes() -> None:
    assert hook()["id"] == "driftgate-validate"
    assert hook()["language"] == "python"
    assert hook()["pass_filenames"] is False
    assert re.search(hook()["files"], "config/pipelines/drift_monitoring.yaml")


def test_hook_and_workflow_run_the_same_command() -> None:
    assert hook()["entry"] == "driftgate validate"
    assert commands("validate") == ["pip install --quiet -c constraints.txt .", "driftgate validate --format github"]


def test_the_command_exists_and_passes(run: Run) -> None:
    for line in (hook()["entry"], commands("validate")[-1]):
        program, *words = shlex.split(line)
        assert program == "driftgate"
        assert run(*words, "--config", str(ROOT / "config")).code == 0


def test_the_workflow_runs_the_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert jobs()["test"]["strategy"]["matrix"]["python-version"] == ["3.11", "3.12"]
    for line in commands("test"):
        assert re.search(rf"^{line.removeprefix('make ')}:", makefile, re.MULTILINE)
