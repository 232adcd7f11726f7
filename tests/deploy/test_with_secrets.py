"""deploy/with-secrets hands a folder of files to a command as variables."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "with-secrets"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, folder, *command], text=True, capture_output=True, check=False)


def test_files_in_capitals_become_variables(tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_text("a b$c'\"")
    (tmp_path / "basic_auth.ini").write_text("[mlflow]")

    done = run(tmp_path, "sh", "-c", 'printf %s "$TOKEN"; env')

    assert done.stdout.startswith("a b$c'\"")
    assert "basic_auth" not in done.stdout


def test_the_exit_code_is_that_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_text("x")

    assert run(tmp_path, "sh", "-c", "exit 7").returncode == 7


def test_a_folder_without_secrets_stops_the_command(tmp_path: Path) -> None:
    done = run(tmp_path, "echo", "started")

    assert done.returncode != 0
    assert "started" not in done.stdout
