"""Colour on terminals, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

Paint = Callable[[str, str], str]  # what it is, the text → the text as it is written

_STYLES = {
    "caret": "31",
    "error": "1;31",
    "good": "32",
    "heading": "1",
    "hint": "36",
    "place": "1",
    "quiet": "2",
    "warning": "1;33",
}


def plain(style: str, text: str) -> str:
    """Return ``text`` as it is."""
    return text


def coloured(style: str, text: str) -> str:
    """Return ``text`` with the colour of ``style``, for a terminal."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text else ""


def paint_for(stream: TextIO) -> Paint:
    """Return how to write on ``stream``: NO_COLOR and FORCE_COLOR decide, then whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return plain
    if os.environ.get("FORCE_COLOR"):
        return coloured
    capable = stream.isatty() and os.environ.get("TERM") != "dumb"
    return coloured if capable else plain
