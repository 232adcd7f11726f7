"""What can go wrong, as types: the message of each says what happened and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_LONGEST = 1_000  # characters of a message or a hint; nobody reads more
# All but what stands for a password in our own examples: TOKEN, password, and what holds an ellipsis.
_PASSWORD = re.compile(r"(?<=:)(?!(?:TOKEN|password|[^:/@\s]*…[^:/@\s]*)@)[^:/@\s]+(?=@)|(?<=[?&]password=)[^&\s'\"]+")


class DriftgateError(Exception):
    """The root of every error that Driftgate raises on purpose; safe to show as it is: it tells no password."""

    def __init__(self, message: str = "") -> None:
        super().__init__(without_password(message))


class UserMistake(DriftgateError):
    """Something in the data, the configuration or the command is wrong: trying again cannot help.

    ``path`` is that of the guilty value in the pipeline, where one is: the operator adds its file and line.
    """

    def __init__(self, message: str, path: Sequence[str] = ()) -> None:
        self.path = tuple(path)
        super().__init__(message)


class Outage(DriftgateError):
    """A service did not answer as it should: trying again later may help."""


class NothingToDo(DriftgateError):
    """There is no reason to do the work, and nothing is wrong: the task is skipped, with the reason."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with a configuration, at a place in a file.

    ``file`` is relative to the repository; ``line`` and ``column`` count from 1 (0: the file as a whole);
    ``path`` is the dotted path of the value (``tasks.send_alert.channels``); ``code`` is stable and kebab-case.
    """

    file: str
    line: int
    column: int
    path: str
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __post_init__(self) -> None:
        """Make what people read safe to print: it quotes what may stand in a file."""
        for name in ("message", "hint"):
            if (text := getattr(self, name)) != (safe := _cut(without_password(printable(text)))):
                object.__setattr__(self, name, safe)


def printable(text: str) -> str:
    """Return ``text`` safe for a terminal and a log: no control characters, and nothing that cannot be seen.

    Character for character, so that columns stay what they are.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def without_password(text: str) -> str:
    """Return ``text`` with the password of each address in it hidden, character for character."""
    return _PASSWORD.sub(lambda match: "*" * len(match[0]), text) if "@" in text or "password=" in text else text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


class ConfigError(UserMistake):
    """A configuration that cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{p.file}:{p.line}:{p.column}: {p.message}" for p in self.problems))


class InvalidPipelines(Exception):
    """Raised while Airflow parses DAG files, to put ``text`` into its import-error dialog and nothing else.

    Airflow prints the traceback of an import error unless ``[core] dagbag_import_error_tracebacks`` is off. From
    Python 3.12 on it asks the exception for it, and this one claims to have none, so that the reader sees the
    problems of the YAML files instead of our frames either way.
    """

    __traceback__ = property(lambda self: None, lambda self, traceback: None)
