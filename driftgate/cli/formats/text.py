"""Findings for people."""

from __future__ import annotations

from driftgate.cli.check import Findings
from driftgate.config.report import render_problem, summary
from driftgate.paint import Paint, plain

_UNBUILT = "; the parameters of other Airflow operators can be checked only where Airflow is installed"


def text(findings: Findings, paint: Paint = plain) -> str:
    """Return every problem with its lines and its hint, and a line that says how it stands."""
    blocks = [render_problem(problem, findings.root, paint) for problem in findings.problems]
    return "\n\n".join([*blocks, closing(findings, paint)]) + "\n"


def closing(findings: Findings, paint: Paint = plain) -> str:
    """Return the last line: ``2 pipelines are valid``, or how many problems there are."""
    if findings.failed:
        return paint("error", summary(findings.problems))
    valid = _valid(findings)
    problems = f", with {summary(findings.problems)}" if findings.problems else ""
    return paint("good", valid) + problems + (_UNBUILT if findings.unbuilt else "")


def _valid(findings: Findings) -> str:
    thing, count = ("pipeline", findings.pipelines) if findings.pipelines else ("file", len(findings.files))
    return f"{count} {thing} is valid" if count == 1 else f"{count} {thing}s are valid"
