"""Durations as people write them in YAML: ``90s``, ``15m``, ``6h``, ``8d``, ``2w``."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

PATTERN = r"^[1-9][0-9]{0,6}[smhdw]$"

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def is_duration(text: str) -> bool:
    """Tell whether ``text`` names a length of time."""
    return re.fullmatch(PATTERN, text) is not None


@lru_cache(maxsize=256)
def parse_duration(text: str) -> timedelta:
    """Return the length of time that ``text`` names.

    Raises ValueError when it is not a positive whole number and one of the units s, m, h, d, w.
    """
    if not is_duration(text):
        raise ValueError(f"{text!r} is not a duration; write a whole number and a unit, such as 90s, 15m, 6h or 8d")
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def format_duration(length: timedelta) -> str:
    """Return the shortest form of ``length`` in whole units: timedelta(hours=48) → ``2d``."""
    seconds = int(length.total_seconds())
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
