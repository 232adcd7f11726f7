"""Findings as annotations beside the lines of a pull request."""

from __future__ import annotations

import os
from pathlib import Path

from driftgate.cli.check import Findings
from driftgate.cli.formats.text import closing
from driftgate.errors import Problem

_IN_MESSAGES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTIES = _IN_MESSAGES | str.maketrans({":": "%3A", ",": "%2C"})


def github(findings: Findings) -> str:
    """Return a workflow command for each problem, and the closing line for the log."""
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    lines = [_annotation(problem, _from(workspace, findings.root / problem.file)) for problem in findings.problems]
    return "\n".join([*lines, closing(findings)]) + "\n"


def _annotation(problem: Problem, file: str) -> str:
    place = {"line": str(problem.line), "col": str(problem.column)} if problem.line else {}
    properties = {"file": file, **place, "title": problem.code}
    written = ",".join(f"{name}={value.translate(_IN_PROPERTIES)}" for name, value in properties.items())
    message = f"{problem.message}\nhint: {problem.hint}" if problem.hint else problem.message
    return f"::{problem.severity} {written}::{message.translate(_IN_MESSAGES)}"


def _from(workspace: Path, path: Path) -> str:
    """Return ``path`` as GitHub knows it: from the root of what was checked out."""
    return path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else path.as_posix()
