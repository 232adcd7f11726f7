"""The demo's state and environment."""

import json
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from driftgate.demo.environment import environment, load_state, make_state, write_passwords
from driftgate.errors import UserMistake


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRIFTGATE_HOME", str(tmp_path / "with space"))
    return tmp_path / "with space"


def test_a_second_start_keeps_the_secrets_and_takes_the_new_ports() -> None:
    first, second = make_state(0), make_state(100)
    assert (second.api_token, second.jwt_secret) == (first.api_token, first.jwt_secret)
    assert second.url("airflow") == "http://127.0.0.1:8180"
    assert load_state() == second


def test_two_homes_have_different_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_state(0)
    monkeypatch.setenv("DRIFTGATE_HOME", str(tmp_path / "other"))
    assert make_state(0).api_token != first.api_token


def test_files_with_secrets_are_private_and_the_password_file_can_be_written(home: Path) -> None:
    write_passwords(make_state(0))
    for path in (home / "driftgate-demo.json", home / "airflow" / "passwords.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_demo_and_a_damaged_state_are_each_one_clear_sentence(home: Path) -> None:
    with pytest.raises(UserMistake, match="no demo has run in"):
        load_state()
    home.mkdir()
    (home / "driftgate-demo.json").write_text("{")
    with pytest.raises(UserMistake, match=r"is damaged .* make clean-demo"):
        load_state()


def test_everything_listens_on_loopback_only() -> None:
    variables = environment(make_state(0))
    assert variables["AIRFLOW__API__HOST"] == "127.0.0.1"
    for name in ("AIRFLOW_CONN_MODEL_API", "AIRFLOW_CONN_MLFLOW_DEFAULT", "AIRFLOW__API__BASE_URL"):
        assert "127.0.0.1" in variables[name]
    assert json.loads(variables["AIRFLOW_CONN_SMTP_DEFAULT"])["host"] == "127.0.0.1"


def test_the_env_command_prints_what_a_shell_can_evaluate(home: Path) -> None:
    state = make_state(0)
    printed = subprocess.run(
        [sys.executable, "-m", "driftgate", "env"], capture_output=True, text=True, check=True
    ).stdout
    shown = subprocess.run(
        ["sh", "-c", f'eval {shlex.quote(printed)}; printf %s "$DRIFTGATE_HOME|$AIRFLOW_CONN_MODEL_API"'],
        capture_output=True,
        text=True,
        check=True,
        env={},
    ).stdout
    assert shown == f"{home}|http://:{state.api_token}@127.0.0.1:8000"


def test_without_a_demo_the_env_command_says_how_to_start_one() -> None:
    done = subprocess.run([sys.executable, "-m", "driftgate", "env"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no demo has run in")
    assert "Traceback" not in done.stderr
