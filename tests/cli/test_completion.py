"""What the shell offers, asked the way it asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run, Write
from .test_process import surroundings


@pytest.fixture
def offered(good: Path, tmp_path: Path) -> object:
    """Ask for the ends of a half-typed line in a real bash."""
    program = tmp_path / "bin" / "driftgate"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom driftgate.cli import main\nmain()\n", encoding="utf-8")
    program.chmod(0o755)

    def offered(line: str) -> list[str]:
        script = (
            f'eval "$({program} completion bash)"\n'
            f"COMP_LINE={line!r} COMP_POINT={len(line)} COMP_TYPE=9\n"
            "COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${#COMP_WORDS[@]}))\n"
            '_python_argcomplete driftgate; printf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=good.parent, env=surroundings(PATH=path),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return sorted(word.strip() for word in done.stdout.splitlines() if word.strip())

    return offered


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("driftgate va", ["validate"]),
        ("driftgate show ", ["one", "two"]),
        ("driftgate show o", ["one"]),
        ("driftgate show one --env ", ["prod", "staging"]),
        ("driftgate plan --format ", ["json", "markdown", "text"]),
        ("driftgate plan --fail", ["--fail-on"]),
        ("driftgate new x --from r", ["retraining"]),
    ],
)
def test_the_shell_offers_what_fits(line: str, words: list[str], offered, write: Write) -> None:  # type: ignore[no-untyped-def]
    write("config/environments/prod.yaml", "defaults: {}\n")
    write("config/environments/staging.yaml", "defaults: {}\n")

    assert offered(line) == words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_script(shell: str, run: Run, tmp_path: Path) -> None:
    code, out, _ = run("completion", shell)
    script = tmp_path / "script"
    script.write_text(out, encoding="utf-8")

    assert code == 0
    assert "driftgate" in out
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(script)], check=True)


def test_an_unknown_shell_is_guessed(run: Run) -> None:
    assert "there is no 'basch'; did you mean 'bash'?" in run("completion", "basch").err
    assert run("completion").code == 2
