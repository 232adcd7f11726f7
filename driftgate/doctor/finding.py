"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was seen and, unless all is well, what to do next."""

    area: str
    status: Status
    seen: str
    todo: str = ""


def ok(area: str, seen: str) -> Finding:
    """All is well."""
    return Finding(area, "ok", seen)


def warning(area: str, seen: str, todo: str) -> Finding:
    """It works, but not for long or not safely."""
    return Finding(area, "warning", seen, todo)


def failed(area: str, seen: str, todo: str) -> Finding:
    """It does not work."""
    return Finding(area, "failed", seen, todo)


def skipped(area: str, seen: str, todo: str = "") -> Finding:
    """It cannot be looked at from here."""
    return Finding(area, "skipped", seen, todo)
