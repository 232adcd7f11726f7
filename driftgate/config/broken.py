"""A text that cannot be read, and whether it could be if some of its lines were others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError
from yaml.tokens import (
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    Token,
)

from driftgate.config.lines import lines_of

Explanation = tuple[int, int, str, str]  # line, column (from 1), message, hint

OPENING = (FlowMappingStartToken, FlowSequenceStartToken)
CLOSING = (FlowMappingEndToken, FlowSequenceEndToken)
_AHEAD = 60  # lines after a fault that must be readable too, before a mend of it counts
_EFFORT = 4_000_000  # characters to read in search of a mend: about a second
_MOST_TOKENS = 200_000


class Mend(NamedTuple):
    """A mistake, and the lines that would be right."""

    line: int
    column: int
    message: str
    hint: str
    changes: Mapping[int, str]  # number of a line → what it should be

    @property
    def explanation(self) -> Explanation:
        return self.line, self.column, self.message, self.hint


class Broken:
    """A text that the parser cannot read, and the place where it gave up."""

    def __init__(self, text: str, error: MarkedYAMLError) -> None:
        self.text = text
        self.lines = lines_of(text)
        self.problem = error.problem or ""
        self.context = error.context or ""
        mark, opened = error.problem_mark, error.context_mark
        self.line, self.column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.opened = (opened.line + 1, opened.column + 1) if opened else (self.line, self.column)
        self._effort = _EFFORT

    def content(self, line: int) -> str:
        """Return a line; "" if there is none of this number."""
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""

    @property
    def at(self) -> str:
        """What stands where the parser gave up, to the end of the line."""
        return self.content(self.line)[self.column - 1 :]

    @cached_property
    def tokens(self) -> list[Token]:
        """The tokens before the place where the parser gave up."""
        before = []
        for token in tokens_of(self.text):
            if (token.start_mark.line + 1, token.start_mark.column + 1) >= (self.line, self.column):
                break
            before.append(token)
            if len(before) > _MOST_TOKENS:
                break
        return before

    def brackets(self, before: Token | None = None) -> list[Token]:
        """Return the tokens of the brackets that are open where the parser gave up, or before a token."""
        if before is None:
            return self._open_brackets
        return _open_in(takewhile(lambda token: token is not before, self.tokens))

    @cached_property
    def _open_brackets(self) -> list[Token]:
        return _open_in(self.tokens)

    def best(self, mends: Iterable[Mend]) -> Mend | None:
        """Return the first mend with which the text can be read, or at least be read further than now."""
        further: Mend | None = None
        for mend in mends:
            end = self._end(mend)
            if end is None:
                return mend
            at_end = self.line >= len(self.lines) - 1
            if end > max(self.line, mend.line) or (at_end and mend.line < end < self.line):
                further = further or mend
        return further

    def _end(self, mend: Mend) -> int | None:
        """Return the line up to which the mended text can be read; None for all of it."""
        lines = self.lines[: max(self.line, *mend.changes) + _AHEAD]
        if max(mend.changes) > len(lines):  # the end of the text, which has no line of its own
            return 0
        for number, content in mend.changes.items():
            lines[number - 1] = content
        text = "\n".join(lines)
        self._effort -= len(text)
        return 0 if self._effort < 0 else _fault(text)


def _open_in(tokens: Iterable[Token]) -> list[Token]:
    stack: list[Token] = []
    for token in tokens:
        if isinstance(token, OPENING):
            stack.append(token)
        elif isinstance(token, CLOSING) and stack:
            stack.pop()
    return stack


def _fault(text: str) -> int | None:
    try:
        parser = CParser(text)
        while parser.get_event():
            pass
    except MarkedYAMLError as error:
        return error.problem_mark.line + 1 if error.problem_mark else 0
    except YAMLError:
        return 0
    return None


def tokens_of(text: str) -> Iterator[Token]:
    """Return the tokens of ``text`` as far as it can be read."""
    try:
        parser = CParser(text)
        while token := parser.get_token():
            yield token
    except YAMLError:
        return
