"""What ``driftgate`` itself says, and how it leaves when something goes wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from driftgate import __version__
from driftgate.cli import commands, guard
from driftgate.cli.commands import COMMANDS
from driftgate.errors import Outage

from .conftest import Run


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_the_help_teaches(words: list[str], run: Run) -> None:
    code, out, _ = run(*words)

    assert code == 0
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary)}\n +\$ {re.escape(entry.example)}$", out, re.M)


def test_the_first_steps_exist(run: Run) -> None:
    steps = re.findall(r"^  \d\. driftgate (\w+)", run().out, re.M)

    assert steps == ["demo", "new", "validate", "show", "plan", "backtest"]
    assert set(steps) <= set(COMMANDS)


def test_every_line_of_the_help_fits_a_terminal(run: Run) -> None:
    assert max(len(line) for line in run().out.splitlines()) <= 110


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, run: Run) -> None:
    result = run(name, "--help")

    assert result.code == 0
    assert result.out.startswith(f"usage: driftgate {name}")
    assert "Example" in result.out
    assert run("help", name) == result


def test_the_registry_is_alphabetical() -> None:
    assert list(COMMANDS) == sorted(COMMANDS)


def test_the_version(run: Run) -> None:
    assert run("--version") == (0, f"driftgate {__version__}\n", "")


def test_an_unknown_command_is_guessed(run: Run) -> None:
    code, out, err = run("valdate")

    assert (code, out) == (2, "")
    assert err == "error: there is no command 'valdate'; did you mean 'validate'?\n  driftgate --help says more\n"


def test_without_a_guess_the_commands_are_listed(run: Run) -> None:
    commands = "backtest, completion, demo, doctor, env, explain, new, plan, rollback, serve, show, traffic, validate"
    assert f"there are {commands}" in run("x").err


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(args: object) -> int:
        raise error

    monkeypatch.setattr(commands.load("validate"), "run", run)


def test_an_error_on_purpose_is_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(Outage("the model API does not answer"), monkeypatch)

    assert run("validate") == (1, "", "error: the model API does not answer\n")


def test_what_is_not_installed_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks_uvicorn(args: object) -> int:
        raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")

    monkeypatch.setattr(commands.load("serve"), "run", lacks_uvicorn)

    code, _, err = run("serve")

    assert code == 1
    assert err == "error: uvicorn is not installed; this command needs more: pip install 'driftgate[serve]'\n"


def test_control_c_says_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(KeyboardInterrupt(), monkeypatch)

    assert run("validate") == (130, "", "")


def test_a_bug_is_a_line_and_a_file(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    raising(ValueError("a\nb"), monkeypatch)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    code, out, err = run("validate")

    (log,) = tmp_path.iterdir()
    assert (code, out) == (guard.BUG, "")
    assert err == f"error: a bug in Driftgate: ValueError: a b; the details are in {log}\n"
    assert "Traceback (most recent call last)" in log.read_text(encoding="utf-8")


def test_a_bug_on_a_full_disk_is_still_a_line(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    raising(ValueError("a"), monkeypatch)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))

    assert run("validate").err == "error: a bug in Driftgate: ValueError: a; DRIFTGATE_DEBUG=1 shows the details\n"


def test_a_bug_can_be_looked_at(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(ValueError("a"), monkeypatch)
    monkeypatch.setenv("DRIFTGATE_DEBUG", "1")

    assert run("validate").err.startswith("Traceback (most recent call last)")


def test_numbers_on_the_command_line_are_checked(run: Run) -> None:
    assert "--port: '99999' is not a whole number from 0 to 65535" in run("serve", "--port", "99999").err
    assert "--port: 'http' is not a whole number from 0 to 65535" in run("serve", "--port", "http").err


def test_words_too_many_are_named(run: Run) -> None:
    assert run("env", "more").err.startswith("error: there is nothing to do with 'more'")
