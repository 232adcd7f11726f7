"""Brackets and commas: one too many, one too few."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yaml.tokens import FlowMappingStartToken, Token

from driftgate.config.broken import Broken, Mend
from driftgate.config.lines import LONGEST, code_of
from driftgate.config.words import shorten

NOT_CLOSED = {
    "[": ("a list is opened with '[' but not closed", "close it with ']' and put commas between its items"),
    "{": ("a mapping is opened with '{' but not closed", "close it with '}' and put commas between its entries"),
}
_CLOSER = {"[": "]", "{": "}"}
_LAST_WORD = re.compile(r"[\w.\-]+\s*$")


def mends(broken: Broken) -> Iterator[Mend]:
    """Return how brackets and commas may have been meant."""
    brackets = broken.brackets()
    if len(broken.content(broken.line)) <= 2 * LONGEST:
        yield from _too_many(broken, brackets)
        if brackets:
            yield from _mismatched(broken, brackets[-1])
            yield from _comma_missing(broken)
    for bracket in reversed(brackets[-4:]):
        yield from _not_closed(broken, bracket)


def _too_many(broken: Broken, brackets: list[Token]) -> Iterator[Mend]:
    at = broken.at
    if at[:1] in ("]", "}") and not brackets:
        names = f"one '{at[0]}' too many"
    elif at[:1] == "," and brackets:
        names = "one comma too many"
    else:
        return
    content, start = broken.content(broken.line), broken.column - 1
    for end in range(start + 1, start + 5):
        if set(content[start:end]) <= {at[0], " "}:
            changed = content[:start] + content[end:]
            count = content[start:end].count(at[0])
            hint = "remove it" if count == 1 else f"remove {count} of them"
            yield Mend(broken.line, broken.column, f"there is {names}", hint, {broken.line: changed})


def _mismatched(broken: Broken, bracket: Token) -> Iterator[Mend]:
    """Explain ``{a: 1]``."""
    opener = "{" if isinstance(bracket, FlowMappingStartToken) else "["
    closer, at = _CLOSER[opener], broken.at[:1]
    if at in ("]", "}", ")") and at != closer:
        content, start = broken.content(broken.line), broken.column - 1
        message = f"what is opened with '{opener}' is closed with '{at}'"
        changes = {broken.line: content[:start] + closer + content[start + 1 :]}
        yield Mend(broken.line, broken.column, message, f"write {closer} instead", changes)


def _comma_missing(broken: Broken) -> Iterator[Mend]:
    """Explain ``["a" "b"]`` and ``{a: 1 b: 2}``."""
    content, start = broken.content(broken.line), broken.column - 1
    if broken.at.startswith(":") and (word := _LAST_WORD.search(content[:start])):
        start = word.start()
    before = content[:start].rstrip()
    if not before or before.endswith(("[", "{", ",", ":")) or start >= len(content):
        return
    changed = f"{before}, {content[start:]}"
    word = re.match(r"(\"[^\"]*\"|'[^']*'|[^\s,:\[\]{}]+)", content[start:])
    named = f"'{shorten(word[1].strip(chr(34) + chr(39)))}'" if word else "this"
    message = f"a comma is missing before {named}"
    last = re.split(r"[\[{,]", before)[-1].strip()
    hint = f"write {shorten(last)}, {shorten(word[1])}" if word and last else "put a comma before it"
    yield Mend(broken.line, start + 1, message, hint, {broken.line: changed})


def _not_closed(broken: Broken, bracket: Token) -> Iterator[Mend]:
    line, column = bracket.start_mark.line + 1, bracket.start_mark.column + 1
    opener = "{" if isinstance(bracket, FlowMappingStartToken) else "["
    message, hint = NOT_CLOSED[opener]
    before = (number for number in range(broken.line - 1, line, -1) if code_of(broken.content(number)))
    for number in dict.fromkeys((line, broken.line, next(before, line))):
        content = broken.content(number)
        code = content.split(" #")[0].rstrip()
        if len(code) < 2 * LONGEST:
            changes = {number: code.rstrip(",") + _CLOSER[opener]}
            yield Mend(line, column, message, hint, changes)
