from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from driftgate.errors import UserMistake
from driftgate.serving.settings import load_settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTGATE_API_TOKEN", "s3cret")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")


def test_token_and_mlflow_are_enough() -> None:
    settings = load_settings()
    assert settings.driftgate_home == Path(".driftgate")
    assert settings.driftgate_model_name == "ml_monitor"
    assert settings.driftgate_drift_window == timedelta(hours=24)
    assert settings.store_url == f"sqlite:///{Path.cwd()}/.driftgate/model-api.db"


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTGATE_HOME", "/srv/state")
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", "postgresql://host/db")
    monkeypatch.setenv("DRIFTGATE_MODEL_NAME", "churn")
    monkeypatch.setenv("DRIFTGATE_DRIFT_WINDOW", "7d")
    monkeypatch.setenv("DRIFTGATE_KEEP", "30d")
    monkeypatch.setenv("DRIFTGATE_POLL", "15s")
    monkeypatch.setenv("DRIFTGATE_MAX_ROWS", "5")
    monkeypatch.setenv("DRIFTGATE_MAX_BODY_MB", "1")
    settings = load_settings()
    assert settings.driftgate_api_token.get_secret_value() == "s3cret"
    assert settings.mlflow_tracking_uri == "http://127.0.0.1:5000"
    assert (settings.driftgate_home, settings.store_url) == (Path("/srv/state"), "postgresql://host/db")
    assert (settings.driftgate_model_name, settings.driftgate_drift_window) == ("churn", timedelta(days=7))
    assert (settings.driftgate_keep, settings.driftgate_poll) == (timedelta(days=30), timedelta(seconds=15))
    assert (settings.driftgate_max_rows, settings.driftgate_max_body_mb) == (5, 1)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", "postgresql://user:pass@host/db")
    shown = repr(load_settings())
    assert "s3cret" not in shown
    assert "pass" not in shown


def test_a_missing_token_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRIFTGATE_API_TOKEN")
    with pytest.raises(UserMistake) as caught:
        load_settings()
    assert str(caught.value) == (
        "DRIFTGATE_API_TOKEN is not set: set it to the secret of POST /reload, "
        "such as the output of: openssl rand -hex 32."
    )


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DRIFTGATE_API_TOKEN", " ", "it is empty"),
        ("DRIFTGATE_API_TOKEN", "two words", "it must be printable ASCII without spaces"),
        ("MLFLOW_TRACKING_URI", "", "it is empty"),
        ("DRIFTGATE_MODEL_NAME", "", "it is empty"),
        ("DRIFTGATE_HOME", "", "it is empty"),
        ("DRIFTGATE_API_TOKEN", "changeme", "'changeme' is a placeholder"),
        ("DRIFTGATE_API_TOKEN", "<your token>", "'<your token>' is a placeholder"),
        ("MLFLOW_TRACKING_URI", "${MLFLOW_URL}", "'${MLFLOW_URL}' is a placeholder"),
        ("DRIFTGATE_DATABASE_URL", "postgresql://me:changeme@host/db", "its password is a placeholder"),
        ("DRIFTGATE_KEEP", "12h", "Input should be greater than or equal to 1 day"),
        ("DRIFTGATE_KEEP", "for ever", "'for ever' is not a duration"),
        ("DRIFTGATE_POLL", "often", "'often' is not a duration"),
        ("DRIFTGATE_MAX_ROWS", "0", "Input should be greater than or equal to 1"),
        ("DRIFTGATE_MAX_BODY_MB", "many", "Input should be a valid integer"),
        ("DRIFTGATE_DRIFT_WINDOW", "soon", "'soon' is not a duration"),
        ("DRIFTGATE_DRIFT_WINDOW", "99w", "'99w' is too long; a drift window is at most 366d"),
    ],
)
def test_a_bad_value_is_one_sentence_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserMistake) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{variable} cannot be used: {reason}")
    assert "\n" not in str(caught.value)


def test_all_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRIFTGATE_API_TOKEN")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(UserMistake) as caught:
        load_settings()
    assert [line.split()[0] for line in str(caught.value).splitlines()] == [
        "DRIFTGATE_API_TOKEN",
        "MLFLOW_TRACKING_URI",
    ]


def test_without_a_time_nothing_is_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().driftgate_poll is None
    monkeypatch.setenv("DRIFTGATE_POLL", "")
    assert load_settings().driftgate_poll is None


def test_counts_are_kept_as_long_as_drift_looks_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTGATE_DRIFT_WINDOW", "30d")
    monkeypatch.setenv("DRIFTGATE_KEEP", "29d")
    with pytest.raises(
        UserMistake, match=r"^DRIFTGATE_KEEP is shorter than DRIFTGATE_DRIFT_WINDOW\. Set it to how long"
    ):
        load_settings()
