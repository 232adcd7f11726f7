"""Findings as JUnit XML: a test suite for each file, a failed test for each problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from driftgate.cli.check import Findings
from driftgate.config.report import render_problem
from driftgate.errors import Problem

# Everything that XML 1.0 cannot hold, not even escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(findings: Findings) -> str:
    """Return a suite for each file that was looked at; a warning is output of a test that passed."""
    suites = [line for file in findings.files for line in _suite(file, findings)]
    errors = [problem for problem in findings.problems if problem.severity == "error"]
    tests = sum("<testcase " in line for line in suites)
    head = f'<testsuites name="driftgate" tests="{tests}" failures="{len(errors)}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>"]) + "\n"


def _suite(file: str, findings: Findings) -> Iterator[str]:
    problems = [problem for problem in findings.problems if problem.file == file]
    failures = sum(problem.severity == "error" for problem in problems)
    yield f'  <testsuite name={_attribute(file)} tests="{max(1, len(problems))}" failures="{failures}">'
    for problem in problems:
        yield from _case(problem, findings)
    if not problems:
        yield f'    <testcase classname={_attribute(file)} name="valid"/>'
    yield "  </testsuite>"


def _case(problem: Problem, findings: Findings) -> Iterator[str]:
    name = f"{problem.code} {problem.path or 'file'}" + (f" line {problem.line}" if problem.line else "")
    body = _text(render_problem(problem, findings.root))
    yield f"    <testcase classname={_attribute(problem.file)} name={_attribute(name)}>"
    if problem.severity == "error":
        kind = f"type={_attribute(problem.code)} message={_attribute(problem.message)}"
        yield f"      <failure {kind}>{body}</failure>"
    else:
        yield f"      <system-out>{body}</system-out>"
    yield "    </testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_possible(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _text(text: str) -> str:
    return escape(_possible(text), {"\r": "&#13;"})


def _possible(text: str) -> str:
    return _IMPOSSIBLE.sub("\N{REPLACEMENT CHARACTER}", text)
