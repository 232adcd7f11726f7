"""Mistakes in a text that can be read, but means something else than it should.

One such mistake is told as many problems. What it may have been is tried: a change after which there is less to
complain about, and nothing new, was the mistake.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from driftgate.config import characters
from driftgate.config.broken import Mend
from driftgate.config.entries import slip
from driftgate.config.indentation import second_thoughts
from driftgate.config.lines import LONGEST, code_of, indent_of
from driftgate.config.source import Document, parse
from driftgate.errors import Problem

LARGEST = 64 * 1024  # characters of a file that is looked at again
_MOST_THOUGHTS = 24
_STRAY_DASH = re.compile(r"- ?(?=[^\s-].*:(?: |$))")
_ANCHOR = re.compile(r"[:-] +(&)(?=[^\s&])")
_STRAY_QUOTE = re.compile(r"[:-] +([^\s\"'\[{][^\"'\[\]{}]*)([\"'])\s*$")
_WRITE = re.compile(r"write a list: |a comment begins with ' #': write ")

Check = Callable[[Document], list[Problem]]
Thought = tuple[Problem, Mend]  # what to say, and what it changes


def second_look(document: Document, problems: Sequence[Problem], check: Check) -> list[Problem]:
    """Return ``problems``, with those that one mistake in the text explains replaced by that mistake.

    ``check`` returns the problems of another version of ``document``.
    """
    errors = [problem for problem in problems if problem.severity == "error" and problem.file == document.file]
    if not errors or len(document.text) > LARGEST:
        return list(problems)
    before = Counter(map(_said, problems))
    best: tuple[Problem, list[Problem]] | None = None
    for problem, mend in _thoughts(document, errors):
        after = check(_mended(document, mend))
        fewer = len(after) < len(best[1] if best else problems)
        if fewer and Counter(map(_said, after)) <= before:
            best = problem, after
        if best and not best[1]:
            break
    return [best[0], *best[1]] if best else list(problems)


def _said(problem: Problem) -> tuple[str, str, str]:
    return problem.file, problem.code, problem.message


def _mended(document: Document, mend: Mend) -> Document:
    lines = [*document.lines]
    for number, content in mend.changes.items():
        lines[number - 1] = content
    return parse("\n".join(lines).encode(), document.file)


def _thoughts(document: Document, errors: Sequence[Problem]) -> Iterator[Thought]:
    yield from islice(_in_lines(document, errors), _MOST_THOUGHTS)
    for line in list(dict.fromkeys(problem.line for problem in errors if problem.line))[:2]:
        yield from (_thought(document, "indentation", mend) for mend in second_thoughts(document.lines, line))


def _in_lines(document: Document, errors: Sequence[Problem]) -> Iterator[Thought]:
    first = errors[0].line
    near_first = sorted(enumerate(document.lines, 1), key=lambda numbered: abs(numbered[0] - first))
    by_line = {problem.line: problem for problem in reversed(errors)}
    for line, content in near_first:
        if len(content) <= LONGEST:
            yield from _as_told(content, by_line.get(line))
            yield from (_thought(document, "yaml-syntax", mend) for mend in _written(line, content))


def _thought(document: Document, code: str, mend: Mend) -> Thought:
    return Problem(document.file, mend.line, mend.column, "", code, mend.message, mend.hint), mend


def _as_told(content: str, told: Problem | None) -> Iterator[Thought]:
    """Return a problem that is well explained already, with what its hint makes of the line."""
    if told and (found := _WRITE.match(told.hint)):
        changed = content[: told.column - 1] + told.hint[found.end() :]
        yield told, Mend(told.line, told.column, told.message, told.hint, {told.line: changed})


def _written(line: int, content: str) -> Iterator[Mend]:
    """Return what a line may have been meant to be."""
    yield from characters.mends_of(line, content)
    code, indent = code_of(content), indent_of(content)
    if found := _STRAY_DASH.match(code):
        changed = " " * indent + code[found.end() :]
        yield Mend(line, indent + 1, "there is a '-' too many", "remove it", {line: changed})
    if slipped := slip(code):
        changed = " " * indent + slipped.meant
        yield Mend(line, indent + slipped.offset + 1, slipped.message, slipped.hint, {line: changed})
    if found := _ANCHOR.search(content):
        changed = content[: found.start(1)] + content[found.end(1) :]
        message = "what begins with '&' is the name of an anchor, not a value"
        yield Mend(line, found.start(1) + 1, message, "remove the '&', or put the text in quotes", {line: changed})
    if found := _STRAY_QUOTE.search(content):
        changed = content[: found.start(1)] + f'"{found[1]}"'
        message = "a quote is closed but never opened"
        yield Mend(line, found.start(2) + 1, message, f'write "{found[1]}"', {line: changed})
