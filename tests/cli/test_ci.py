"""The hook for pre-commit and the workflow for GitHub: both run what a person runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Run
from .test_process import surroundings

ROOT = Path(__file__).parents[2]


def hook() -> dict[str, Any]:
    (found,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    return dict(found)


def jobs(file: str = "ci.yml") -> dict[str, Any]:
    workflow = (ROOT / ".github" / "workflows" / file).read_text(encoding="utf-8")
    return dict(yaml.safe_load(workflow)["jobs"])


def commands(job: str, file: str = "ci.yml") -> list[str]:
    return [step["run"] for step in jobs(file)[job]["steps"] if "run" in step]


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


def test_the_plan_of_a_pull_request_has_the_whole_history_and_may_write_a_comment() -> None:
    checkout = jobs("plan.yml")["plan"]["steps"][0]
    text = (ROOT / ".github" / "workflows" / "plan.yml").read_text(encoding="utf-8")

    assert checkout["with"]["fetch-depth"] == 0
    assert yaml.safe_load(text)["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "pull_request_target" not in text


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a copy without its history has nothing to compare with")
def test_the_plan_of_a_pull_request_is_what_the_command_prints(tmp_path: Path) -> None:
    """The step itself, run by a shell as GitHub does, with HEAD for the branch that it is compared with."""
    script = commands("plan", "plan.yml")[1].replace('"origin/$GITHUB_BASE_REF"', "HEAD")
    driftgate = f'driftgate() {{ {shlex.quote(sys.executable)} -m driftgate "$@" --config {ROOT / "config"}; }}\n'
    outputs = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    subprocess.run(["bash", "-ec", driftgate + script], cwd=tmp_path, env=surroundings(**outputs), check=True)

    assert (tmp_path / "plan.md").read_text(encoding="utf-8").startswith("## Driftgate plan\n")
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_bytes() == (tmp_path / "plan.md").read_bytes()
    assert (tmp_path / "GITHUB_OUTPUT").read_text(encoding="utf-8") in {"code=0\n", "code=1\n"}


@pytest.mark.parametrize("script", commands("plan", "plan.yml"))
def test_a_shell_can_read_the_steps(script: str) -> None:
    subprocess.run(["bash", "-n", "-c", re.sub(r"\$\{\{.*?\}\}", "0", script)], check=True)
