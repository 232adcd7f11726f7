"""Findings as SARIF 2.1.0, which code-scanning services and editors read."""

from __future__ import annotations

from hashlib import sha256
from json import dumps
from typing import Any
from urllib.parse import quote

from driftgate import __version__
from driftgate.cli.check import Findings
from driftgate.errors import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Findings) -> str:
    """Return a log with one run: a rule for each code, a result for each problem."""
    codes = sorted({problem.code for problem in findings.problems})
    run = {
        "tool": {"driver": {"name": "Driftgate", "version": __version__, "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes.index(problem.code)) for problem in findings.problems],
    }
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    return {"id": code, "shortDescription": {"text": code.replace("-", " ").capitalize()}}


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": f"{problem.message}\nHint: {problem.hint}" if problem.hint else problem.message},
        "locations": [_location(problem)],
        "partialFingerprints": {"problem/v1": _fingerprint(problem)},
    }


def _location(problem: Problem) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
    if problem.line:
        physical["region"] = {"startLine": problem.line, "startColumn": problem.column}
    named = {"logicalLocations": [{"fullyQualifiedName": problem.path}]} if problem.path else {}
    return {"physicalLocation": physical, **named}


def _uri(file: str) -> str:
    path = quote(file, safe="/", errors="surrogateescape")
    return f"file://{path}" if path.startswith("/") else path


def _fingerprint(problem: Problem) -> str:
    """Return what stays the same while the lines around the problem move."""
    parts = (problem.file, problem.code, problem.path, problem.message)
    return sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
