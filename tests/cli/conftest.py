"""The command line in this process, and small configurations to try it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from driftgate.cli import main

GOOD = "dag_id: {name}\nschedule: null\ntasks:\n  hello: {{operator: log_status, message: hi}}\n"
BAD = "dag_id: {name}\nschedul: null\ntasks:\n  hello: {{operator: log_status, message: hi}}\n"


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRIFTGATE_CONFIG_DIR", "DRIFTGATE_ENV", "NO_COLOR", "FORCE_COLOR", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def run(*words: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert isinstance(stop.value.code, int)
        return Result(stop.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file of the configuration in the folder that becomes the current one."""
    monkeypatch.chdir(tmp_path)

    def write(file: str, text: str = GOOD) -> Path:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=path.stem) if text in {GOOD, BAD} else text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def good(write: Write) -> Path:
    """A configuration with two pipelines in which nothing is wrong."""
    write("config/pipelines/one.yaml")
    return write("config/pipelines/two.yaml").parents[1]


@pytest.fixture
def mixed(write: Write) -> Path:
    """A configuration with a good pipeline and a broken one."""
    write("config/pipelines/good.yaml")
    return write("config/pipelines/bad.yaml", BAD).parents[1]
