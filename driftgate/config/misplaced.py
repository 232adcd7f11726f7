"""Lines that stand where they can be read, but mean something else there than they should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from driftgate.config.broken import Mend
from driftgate.config.indentation import second_thoughts
from driftgate.config.source import Document, parse
from driftgate.errors import Problem

Check = Callable[[Document], list[Problem]]


def misplaced(document: Document, problems: Sequence[Problem], check: Check) -> list[Problem] | None:
    """Return ``problems`` with those that come from one misplaced line said as that; None if there are none.

    ``check`` tells the problems of another version of ``document``: of the lines that could be moved, those count
    without which there is less to complain about, and nothing new.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    first = next((problem.line for problem in errors if problem.file == document.file and problem.line), None)
    if first is None:
        return None
    before = Counter(map(_said, problems))
    for mend in second_thoughts(document.lines, first):
        after = check(_mended(document, mend))
        if len(after) < len(problems) and Counter(map(_said, after)) <= before:
            left = Counter(map(_said, after))
            kept = [problem for problem in problems if left.subtract([_said(problem)]) or left[_said(problem)] >= 0]
            return [_problem(document, mend), *kept]
    return None


def _said(problem: Problem) -> tuple[str, str, str]:
    return problem.file, problem.code, problem.message


def _mended(document: Document, mend: Mend) -> Document:
    lines = [*document.lines]
    for number, content in mend.changes.items():
        lines[number - 1] = content
    return parse("\n".join(lines).encode(), document.file)


def _problem(document: Document, mend: Mend) -> Problem:
    return Problem(document.file, mend.line, mend.column, "", "indentation", mend.message, mend.hint)
