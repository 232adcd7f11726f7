"""The command as a process: exit codes, streams, and what it does not import."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFUSE = """
import sys

HEAVY = {"airflow", "click", "dagfactory", "fastapi", "mlflow", "numpy", "pandas", "pydantic", "requests", "rich",
         "sklearn", "sqlalchemy", "typer"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise AssertionError("imports " + name)

sys.meta_path.insert(0, Refuse())
from driftgate.cli import main
main(sys.argv[1:])
"""
COMMANDS = [
    ["--help"],
    ["completion", "bash"],
    *(
        ["plan", "--base", "HEAD", "--format", name]
        for name in ("text", "json", "markdown")
        if (ROOT / ".git").exists()
    ),
    ["validate"],
    *(["validate", "--format", name] for name in ("json", "github", "sarif", "junit")),
    *(["show", "drift_monitoring", *options] for options in ([], ["--origin"], ["--graph"], ["--format", "mermaid"])),
]


def driftgate(*words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "driftgate", *words], cwd=cwd, env=surroundings(**environment),
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def surroundings(**more: str) -> dict[str, str]:
    ours = ("DRIFTGATE_", "NO_COLOR", "FORCE_COLOR", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nothing_heavy_is_imported(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSE, *words],
        cwd=ROOT,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_streams_and_exit_codes(mixed: Path) -> None:
    problems = driftgate("validate", cwd=mixed.parent)
    usage = driftgate("validate", "nowhere", cwd=mixed.parent)
    shown = driftgate("show", "bad", cwd=mixed.parent)

    assert (problems.returncode, problems.stderr) == (1, "")
    assert (usage.returncode, usage.stdout) == (2, "")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == problems.stdout


def test_a_reader_that_leaves_early_is_no_error(good: Path) -> None:
    script = f"{sys.executable} -m driftgate show one | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", f"sleep 0.1; {script}"], cwd=good.parent, env=surroundings(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_line(good: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "driftgate", "validate"], cwd=good.parent, env=surroundings(),
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (1, "error: the output cannot be written: No space left on device\n")


def test_control_c_ends_it_without_a_word(good: Path) -> None:
    slow = (
        "import time; from driftgate.cli import check, main\n"
        "check.load_all = lambda directory, env: print('ready', flush=True) or time.sleep(60)\n"
        "main(['validate'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", slow], cwd=good.parent, env=surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell's background job, which a CI run may be, starts with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 130


def test_closed_streams_are_no_bug(good: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m driftgate validate >&- 2>&-"],
        cwd=good.parent,
        env=surroundings(),
        check=False,
    )

    assert done.returncode == 0


def test_colour_is_for_terminals(mixed: Path) -> None:
    assert b"\x1b[1;31merror" in on_a_terminal(mixed.parent)
    assert b"\x1b" not in on_a_terminal(mixed.parent, NO_COLOR="1")
    assert b"\x1b" not in on_a_terminal(mixed.parent, TERM="dumb")
    assert "\x1b" not in driftgate("validate", cwd=mixed.parent).stdout


def on_a_terminal(cwd: Path, **environment: str) -> bytes:
    reader, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "driftgate", "validate"], cwd=cwd, env=surroundings(**environment), stdout=terminal
    )
    os.close(terminal)
    output = b""
    try:
        while chunk := os.read(reader, 4096):
            output += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(reader)
    process.wait(10)
    return output


def test_a_terminal_without_unicode_gets_escapes() -> None:
    done = driftgate("show", "drift_monitoring", "--graph", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "\\u2514\\u2500 decide_action" in done.stdout
