"""Values on one line, and two of them so that one sees where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from driftgate.errors import printable
from driftgate.plan.values import MISSING
from driftgate.views.yaml_text import scalar

_LONGEST = 100
_AROUND = 12  # characters of what is the same, on either side of what differs


def inline(value: Any, longest: int = _LONGEST) -> str:
    """Return ``value`` as YAML on one line, cut off where it is too long to read."""
    text = _flow(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def pair(before: Any, after: Any) -> tuple[str, str]:
    """Return two values on a line each; of long ones only the part in which they differ."""
    one, other = _flow(before), _flow(after)
    if max(len(one), len(other)) <= _LONGEST or MISSING in (before, after):
        return inline(before), inline(after)
    start = max(0, _shared(one, other) - _AROUND)
    end = min(_shared(one[::-1], other[::-1]), len(one) - start, len(other) - start)
    return _part(one, start, max(0, end - _AROUND)), _part(other, start, max(0, end - _AROUND))


def code(text: str) -> str:
    """Return ``text`` as code in Markdown, whatever is in it."""
    shown = printable(text)
    fence = "`"
    while fence in shown:
        fence += "`"
    return f"{fence} {shown} {fence}" if len(fence) > 1 else f"`{shown}`"


def _shared(one: str, other: str) -> int:
    """Return with how many characters both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(one), len(other)))


def _part(text: str, start: int, end: int) -> str:
    middle = text[start : len(text) - end]
    middle = middle if len(middle) <= _LONGEST else middle[: _LONGEST - 1] + "…"
    return ("…" if start else "") + middle + ("…" if end else "")


def _flow(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return scalar(value)
