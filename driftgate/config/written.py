"""What a wrong value betrays about how it is written: a comment that is none, a list without its dashes …"""

from __future__ import annotations

import re
from collections.abc import Sequence

from driftgate.config import characters
from driftgate.config.lines import LONGEST, code_of, indent_of
from driftgate.config.words import shorten

_NOT_A_COMMENT = re.compile(r"(.*?\S)(?:\s+//+|\s*/\*|(?<=\w)//+|(?<=\w)#+)\s*(.*?)\s*(?:\*/)?")
_DASH_AND_WORD = re.compile(r"-(?=[^\s-])")
_OTHER_DASH = re.compile(r"([\u2010-\u2015\u2212\u2022\u00b7*])\s*(?=\S)")
_BRACKETS = re.compile(r"^[\[({\u2010-\u2015\u2022-]+\s*|\s*[\])}]+$")


def odd_character(content: str, column: int, text: str) -> tuple[int, str, str] | None:
    """Return column, message and hint for what cannot be seen in ``text``, which begins at ``column`` of a line."""
    start = characters.hidden_in(text)
    at = content.find(text[start], column - 1) if start is not None else -1
    return (at + 1, *characters.explain(content, at)) if at >= 0 else None


def comment(content: str, column: int, text: str) -> str:
    """Return the hint for a value that ends with what was meant to be a comment; "" for any other."""
    plain = content[column - 1 : column] not in ("'", '"')
    found = _NOT_A_COMMENT.fullmatch(text) if plain and len(text) < LONGEST else None
    return comment_hint(found[1], found[2]) if found else ""


def comment_hint(value: str, words: str) -> str:
    """Return the hint that ``words`` after a value are to be a comment."""
    return f"a comment begins with ' #': write {shorten(f'{value} # {words}'.strip())}"


def as_list(text: str) -> str:
    """Return the hint for a text where a list should be."""
    return f"write a list: [{shorten(_BRACKETS.sub('', text))}]"


def item(lines: Sequence[str], line: int, column: int) -> tuple[int, int, str, str] | None:
    """Explain the first of some lines that were meant to be the items of a list; None if they begin beside a key."""
    indent = indent_of(lines[line - 1])
    if indent != column - 1:
        return None
    for number, content in enumerate(lines[line - 1 :], line):
        code = code_of(content)
        if not code or indent_of(content) < indent or (number > line and _is_entry(code)):
            return None
        if not code.startswith("- "):
            return number, indent_of(content) + 1, *_without_dash(code)
    return None


def _is_entry(code: str) -> bool:
    return ": " in code or code.endswith(":")


def _without_dash(code: str) -> tuple[str, str]:
    if _DASH_AND_WORD.match(code):
        return "a space is missing after '-'", f"write '- {shorten(code[1:])}'"
    if found := _OTHER_DASH.match(code):
        message = f"this is not '-' but the character {characters.name_of(found[1])}"
        return message, f"write '- {shorten(code[found.end() :])}'"
    return "this item of the list has no '- '", f"write '- {shorten(code)}'"
