"""What the model API reads from its environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from driftgate.durations import parse_duration
from driftgate.errors import UserMistake

MAX_WINDOW = timedelta(days=366)

_PURPOSE = {
    "DRIFTGATE_API_TOKEN": "the secret of POST /reload, such as the output of: openssl rand -hex 32",
    "DRIFTGATE_API_PROTECT": "all (every endpoint but the probes asks for the token) or reload (only that one)",
    "DRIFTGATE_HOME": "the folder that keeps the state of the model API",
    "DRIFTGATE_DATABASE_URL": "a database, such as sqlite:////srv/counts.db or postgresql://host/db",
    "DRIFTGATE_MODEL_NAME": "the name of the registered model to serve",
    "DRIFTGATE_DRIFT_WINDOW": "how far back drift looks, such as 24h",
    "MLFLOW_TRACKING_URI": "the address of MLflow, such as http://127.0.0.1:5000",
}


def parse_window(text: str) -> timedelta:
    """Return the length of a drift window such as ``24h``; raises ValueError when it is none."""
    length = parse_duration(text)
    if length > MAX_WINDOW:
        raise ValueError(f"{text!r} is too long; a drift window is at most {MAX_WINDOW.days}d")
    return length


def _filled(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("it is empty")
    return value.strip() if isinstance(value, str) else value


def _sendable(token: SecretStr) -> SecretStr:
    secret = token.get_secret_value()
    if not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise ValueError("it must be printable ASCII without spaces, to fit into an HTTP header")
    return token


def _window(value: Any) -> Any:
    return parse_window(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """Each field is read from the environment variable of the same name, in capitals."""

    model_config = SettingsConfigDict(frozen=True)

    driftgate_api_token: Annotated[SecretStr, BeforeValidator(_filled), AfterValidator(_sendable)]
    driftgate_api_protect: Annotated[Literal["all", "reload"], BeforeValidator(_filled)] = "reload"
    driftgate_home: Annotated[Path, BeforeValidator(_filled)] = Path(".driftgate")
    driftgate_database_url: Annotated[str | None, BeforeValidator(_filled)] = Field(None, repr=False)
    driftgate_model_name: Annotated[str, BeforeValidator(_filled)] = "ml_monitor"
    driftgate_drift_window: Annotated[timedelta, BeforeValidator(_window)] = timedelta(hours=24)
    mlflow_tracking_uri: Annotated[str, BeforeValidator(_filled)] = Field(repr=False)

    @property
    def store_url(self) -> str:
        """The database of the bin counts: the one named, or a SQLite file under the home."""
        file = (self.driftgate_home / "model-api.db").absolute()
        return self.driftgate_database_url or f"sqlite:///{file}"


def load_settings() -> Settings:
    """Read the environment; raises UserMistake with one sentence for each variable missing or wrong."""
    try:
        return Settings()  # type: ignore[call-arg]  # the environment fills the required ones
    except ValidationError as error:
        raise UserMistake("\n".join(_sentence(dict(fault)) for fault in error.errors())) from None


def _sentence(fault: dict[str, Any]) -> str:
    variable = str(fault["loc"][0]).upper()
    if fault["type"] == "missing":
        return f"{variable} is not set: set it to {_PURPOSE[variable]}."
    reason = fault.get("ctx", {}).get("error", fault["msg"])
    return f"{variable} cannot be used: {reason}. Set it to {_PURPOSE[variable]}."
