"""What the model API reads from its environment."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
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
    "DRIFTGATE_KEEP": "how long counts and labels are kept, at least 1d and DRIFTGATE_DRIFT_WINDOW, such as 90d",
    "DRIFTGATE_POLL": "how often to look which version is in production, such as 30s; leave it empty for never",
    "DRIFTGATE_MAX_ROWS": "how many rows or labels one request may hold, such as 10000",
    "DRIFTGATE_MAX_BODY_MB": "how many megabytes the body of one request may have, such as 32",
    "MLFLOW_TRACKING_URI": "the address of MLflow, such as http://127.0.0.1:5000",
}


def parse_window(text: str) -> timedelta:
    """Return the length of a drift window such as ``24h``; raises ValueError when it is none."""
    length = parse_duration(text)
    if length > MAX_WINDOW:
        raise ValueError(f"{text!r} is too long; a drift window is at most {MAX_WINDOW.days}d")
    return length


# What examples and templates hold where a value belongs: <token>, ${TOKEN}, {{ token }}, changeme, your-token, xxx …
_PLACEHOLDER = re.compile(
    r"<[^<>]*>|\$\{.*\}|\$[A-Z_]+|\{\{.*\}\}|change[-_ ]?(me|it|this)|(replace|your)[-_ ]\S*|to[-_ ]?do|x{3,}|\.{3}|…",
    re.IGNORECASE,
)


def _filled(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not (text := value.strip()):
        raise ValueError("it is empty")
    if _PLACEHOLDER.fullmatch(text):
        raise ValueError(f"{text!r} is a placeholder")
    return text


def _sendable(token: SecretStr) -> SecretStr:
    secret = token.get_secret_value()
    if not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise ValueError("it must be printable ASCII without spaces, to fit into an HTTP header")
    return token


def _window(value: Any) -> Any:
    return parse_window(value) if isinstance(value, str) else value


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _optional_duration(value: Any) -> Any:
    return None if value == "" else _duration(value)


def _without_placeholder_password(url: str | None) -> str | None:
    found = re.search(r"//[^/@:]*:([^/@]+)@", url or "")
    if found and _PLACEHOLDER.fullmatch(found[1]):
        raise ValueError("its password is a placeholder")
    return url


_Text = Annotated[str, BeforeValidator(_filled)]
_Url = Annotated[str, BeforeValidator(_filled), AfterValidator(_without_placeholder_password)]


class Settings(BaseSettings):
    """Each field is read from the environment variable of the same name, in capitals."""

    model_config = SettingsConfigDict(frozen=True)

    driftgate_api_token: Annotated[SecretStr, BeforeValidator(_filled), AfterValidator(_sendable)]
    driftgate_api_protect: Annotated[Literal["all", "reload"], BeforeValidator(_filled)] = "reload"
    driftgate_home: Annotated[Path, BeforeValidator(_filled)] = Path(".driftgate")
    driftgate_database_url: _Url | None = Field(None, repr=False)
    driftgate_model_name: _Text = "ml_monitor"
    driftgate_drift_window: Annotated[timedelta, BeforeValidator(_window)] = timedelta(hours=24)
    driftgate_keep: Annotated[timedelta, BeforeValidator(_duration)] = Field(timedelta(days=90), ge=timedelta(days=1))
    driftgate_poll: Annotated[timedelta | None, BeforeValidator(_optional_duration)] = None
    driftgate_max_rows: int = Field(10_000, ge=1)
    driftgate_max_body_mb: int = Field(32, ge=1, le=1024)
    mlflow_tracking_uri: _Url = Field(repr=False)

    @model_validator(mode="after")
    def _keeps_what_it_looks_at(self) -> Settings:
        if self.driftgate_keep < self.driftgate_drift_window:
            raise ValueError("DRIFTGATE_KEEP")
        return self

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
    if not fault["loc"]:
        return f"DRIFTGATE_KEEP is shorter than DRIFTGATE_DRIFT_WINDOW. Set it to {_PURPOSE['DRIFTGATE_KEEP']}."
    variable = str(fault["loc"][0]).upper()
    if fault["type"] == "missing":
        return f"{variable} is not set: set it to {_PURPOSE[variable]}."
    reason = fault.get("ctx", {}).get("error", fault["msg"])
    return f"{variable} cannot be used: {reason}. Set it to {_PURPOSE[variable]}."
