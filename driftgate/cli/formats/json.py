"""Findings for programs."""

from __future__ import annotations

from dataclasses import asdict
from json import dumps

from driftgate.cli.check import Findings


def json(findings: Findings) -> str:
    """Return ``{"problems": […]}``, each with exactly the fields of ``Problem``."""
    return dumps({"problems": [asdict(problem) for problem in findings.problems]}, indent=2) + "\n"
