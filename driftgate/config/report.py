"""Problems as text for people: the line, two lines of context, a caret under the token, a hint."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from yaml.error import Mark
from yaml.tokens import (
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
)

from driftgate.config.broken import tokens_of
from driftgate.config.lines import lines_of
from driftgate.config.nodes import MAX_DEPTH
from driftgate.config.source import MAX_BYTES
from driftgate.errors import Problem, printable, without_password
from driftgate.paint import Paint, plain

_WIDEST = 120
_OPENING = (FlowMappingStartToken, FlowSequenceStartToken)
_CLOSING = (FlowMappingEndToken, FlowSequenceEndToken)

Extents = dict[tuple[int, int], tuple[int, int]]  # where a token begins → where it ends, lines and columns from 1


def render_text(problems: Sequence[Problem], root: Path, paint: Paint = plain) -> str:
    """Return ``problems`` as text, with context from the files below ``root``, and a closing count."""
    blocks = [render_problem(problem, root, paint) for problem in problems]
    return "\n\n".join([*blocks, summary(problems)]) + "\n"


def render_problem(problem: Problem, root: Path, paint: Paint = plain) -> str:
    """Return one problem as text."""
    place = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    kind = paint(problem.severity, f"{problem.severity}[{problem.code}]:")
    lines = [f"{paint('place', printable(place) + ':')} {kind} {problem.message}"]
    if problem.line:
        lines += _context(root / problem.file, problem.line, problem.column, paint)
    if problem.hint:
        lines.append(f"  {paint('hint', 'hint:')} {problem.hint}")
    return "\n".join(lines)


def summary(problems: Sequence[Problem]) -> str:
    """Return how many problems there are, and in how many files."""
    if not problems:
        return "no problems"
    files = len({problem.file for problem in problems})
    kinds = {kind: sum(problem.severity == kind for problem in problems) for kind in ("error", "warning")}
    counts = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in kinds.items() if count]
    return f"{' and '.join(counts)} in {files} file{'s' * (files > 1)}"


def _context(path: Path, line: int, column: int, paint: Paint) -> list[str]:
    text = _text_of(path)
    lines = [_visible(without_password(content)) for content in lines_of(text)]
    if not text or line > len(lines):
        return []
    gutter = len(str(line)) + 3
    first = max(0, line - 2)
    shown = [
        f"{paint('quiet', f'{number:>{gutter}} |')} {_fit(content, column)}".rstrip()
        for number, content in enumerate(lines[first:line], first + 1)
    ]
    padding, caret = _caret(lines[line - 1], line, column, text)
    return [*shown, f"{paint('quiet', ' ' * gutter + ' |')} {padding}{paint('caret', caret)}"]


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError:
        return ""
    return raw.decode("utf-8-sig", errors="replace") if len(raw) <= MAX_BYTES else ""


def _fit(content: str, column: int) -> str:
    """Return the part of a line around ``column`` that is worth showing."""
    start = _start(column)
    part = content[start : start + _WIDEST]
    if start and part:
        part = "…" + part[1:]
    if len(content) > start + _WIDEST:
        part = part[:-1] + "…"
    return part


def _visible(content: str) -> str:
    return "\t".join(printable(piece) for piece in content.split("\t"))


def _start(column: int) -> int:
    return 0 if column <= _WIDEST - 20 else column - 40


def _caret(content: str, line: int, column: int, text: str) -> tuple[str, str]:
    """Return what stands below a line: the space before the token, and the carets under it."""
    start = _start(column)
    before = content[start : column - 1]
    end_line, end = _extents(text).get((line, column), (line, column + 1))
    token = content[column - 1 : end - 1 if end_line == line else len(content)].rstrip()
    room = max(1, _WIDEST - len(before))
    padding = "".join("\t" if char == "\t" else " " * width(char) for char in before)
    return padding, "^" * max(1, width(token[:room]))


def width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 2 if _is_wide(char) else 1 for char in text)


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


@lru_cache(maxsize=8)
def _extents(text: str) -> Extents:
    """Return how far each token reaches, as far as the text can be read; brackets reach to their partner."""
    extents: Extents = {}
    open_brackets: list[tuple[int, int]] = []
    for token in tokens_of(text):
        if len(open_brackets) > MAX_DEPTH:  # no caret is worth the time that the reader needs for it
            break
        begin, end = _place(token.start_mark), _place(token.end_mark)
        if begin < end:  # the others, such as the beginning of a block, stand for no text
            extents.setdefault(begin, end)
        if isinstance(token, _OPENING):
            open_brackets.append(begin)
        elif isinstance(token, _CLOSING) and open_brackets:
            extents[open_brackets.pop()] = end
    return extents


def _place(mark: Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1
