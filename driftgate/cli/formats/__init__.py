"""Findings as text: for people, for GitHub, for code scanning, for whatever reads JUnit or JSON."""

from __future__ import annotations

from importlib import import_module
from typing import TextIO

from driftgate.cli.check import Findings


def render(name: str, findings: Findings, stream: TextIO) -> str:
    """Return ``findings`` in the format called ``name``, to be written on ``stream``."""
    if name == "text":
        from driftgate.cli.formats.text import text
        from driftgate.paint import paint_for

        return text(findings, paint_for(stream))
    rendered: str = getattr(import_module(f"driftgate.cli.formats.{name}"), name)(findings)
    return rendered
