"""What a YAML parser complains about, said so that a person knows what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from yaml.error import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError

from driftgate.config.words import shorten
from driftgate.errors import printable

Explanation = tuple[int, int, str, str]  # line, column (from 1), message, hint

QUOTE_TEMPLATES = 'put text with {{ … }} in quotes, such as message: "{{ drift.summary }}"'
TYPOGRAPHIC = "typographic quotes (\u201c \u201d) are not quotes"
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the ones that YAML counts
_LONGEST = 300  # of a line, as far as it is looked at
_CONFLICT = re.compile(r"(<{7}|\|{7}|>{7})( |$)|={7}$")
_TYPOGRAPHIC = re.compile(
    "[\u201c\u201d\u201e]([^\u201c\u201d\u201e]*)[\u201c\u201d]|[\u2018\u2019\u201a]([^\u2018\u2019\u201a]*)[\u2018\u2019]"
)
_TYPOGRAPHIC_VALUE = re.compile(f"(?:^|: |- )\\s*({_TYPOGRAPHIC.pattern})\\s*(?: #|$)")
_NO_SPACE = re.compile(r"([A-Za-z_][\w-]*):((?!//)[^\s:].*)")
_NO_COLON = re.compile(r"([A-Za-z_][\w.-]*(?: [\w.-]+)*) +([\[{\"'].*)|([A-Za-z_][\w.-]*)(?: +(.*))?")
_TEXT_BLOCK = re.compile(r".*(?:^|[ :])[|>][-+0-9]*$")

# The parser's words → ours. The first whose key is part of the parser's message applies.
_SENTENCES: dict[str, tuple[str, str]] = {
    "mapping values are not allowed": (
        "a ':' stands where none can be",
        "put text that contains ': ' in quotes, and check that this line is indented like its neighbours",
    ),
    "found a tab character": ("a tab is used for indentation", "indent with spaces"),
    "did not find expected key": (
        "this does not continue the mapping above it",
        "check the indentation, and put text with special characters in quotes",
    ),
    "did not find expected '-' indicator": (
        "this does not continue the list above it",
        "begin every item of the list with '- ', all at the same indentation",
    ),
    "could not find expected ':'": ("this line has no ': ' after its key", "write key: value"),
    "did not find expected ',' or ']'": (
        "a list is opened with '[' but not closed",
        "close it with ']' and put commas between its items",
    ),
    "did not find expected ',' or '}'": (
        "a mapping is opened with '{' but not closed",
        "close it with '}' and put commas between its entries",
    ),
    "found unexpected end of stream": (
        "a quote is opened but never closed",
        "close the quote; a quote inside single-quoted text is written twice: 'it''s'",
    ),
    "found undefined alias": ("no anchor of this name is defined before it", "put the text in quotes"),
    "unknown escape character": (
        "this backslash escape does not exist",
        "write \\\\ for a backslash, or use single quotes",
    ),
    "invalid Unicode character": ("this escape names no character", "write the character itself"),
    "<document start>": (
        "this line is indented less than the ones above it",
        "begin all top-level keys in the same column",
    ),
    "node content": ("a value is missing before this", "remove the bracket or write a value before it"),
}


def explain(error: YAMLError, text: str) -> Explanation:
    """Return where ``error`` is and what to do about it."""
    if isinstance(error, ReaderError):
        return _explain_character(error, text)
    line, column, problem = _place(error)
    lines = lines_of(text)
    content = lines[line - 1] if line <= len(lines) else ""
    special = (
        _explain_conflict(lines)
        or _explain_line(problem, content, line, column)
        or _explain_key(problem, lines, line, column)
        or _explain_end(problem, text, line)
    )
    if special:
        return special
    for words, (message, hint) in _SENTENCES.items():
        if words in problem:
            return line, column, message, hint
    return line, column, f"this is not valid YAML: {printable(problem)}", "check the indentation and the quotes"


def lines_of(text: str) -> list[str]:
    """Return the lines of ``text`` as YAML counts them."""
    return _LINE_BREAK.split(text)


def without_typographic(text: str) -> str | None:
    """Return ``text`` without the typographic quotes around it; None if there are none."""
    return text[1:-1] if _TYPOGRAPHIC.fullmatch(text) else None


def straight(text: str) -> str:
    """Return the hint for ``text`` in typographic quotes."""
    return f'write "{shorten(text[1:-1])}"'


class Slip(NamedTuple):
    """A key and its value that are not written as such, and what is wrong so many characters into them."""

    key: str
    value: str
    offset: int
    message: str

    @property
    def hint(self) -> str:
        return f"write {shorten(f'{self.key}: {self.value}'.strip())}"


def slip(text: str) -> Slip | None:
    """Return what ``text`` lacks to be ``key: value``."""
    text = text[:_LONGEST]
    if found := _NO_SPACE.fullmatch(text):
        return Slip(found[1], found[2], found.end(1), "a space is missing after ':'")
    if found := _NO_COLON.fullmatch(text):
        key, value = found[1] or found[3], found[2] or found[4] or ""
        return Slip(key, value, 0, f"the ':' is missing after '{shorten(key)}'")
    return None


def _place(error: YAMLError) -> tuple[int, int, str]:
    if not isinstance(error, MarkedYAMLError):
        return 1, 1, str(error)
    # For something left open, where it was opened says more than where the file ended.
    opened = (error.context or "").endswith(
        ("quoted scalar", "flow sequence", "flow mapping", "an alias", "simple key")
    )
    mark = error.context_mark if opened and error.context_mark else error.problem_mark
    place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if "escape" in (error.problem or "") and error.problem_mark:
        place = (error.problem_mark.line + 1, error.problem_mark.column + 1)
    context = "while scanning an alias" if "alias" in (error.context or "") else ""
    return *place, f"{error.problem or ''} {context}".strip()


def _explain_line(problem: str, content: str, line: int, column: int) -> Explanation | None:
    indentation = content[: len(content) - len(content.lstrip())]
    if "\t" in indentation:
        return line, indentation.index("\t") + 1, "a tab is used for indentation", "indent with spaces"
    if re.search(r":\s+\{\{", content) and "escape" not in problem:
        return line, content.index("{{") + 1, "text that begins with {{ needs quotes", QUOTE_TEMPLATES
    if "cannot start any token" in problem or "scanning an alias" in problem:
        value = content[column - 1 :].split(" #")[0].strip()
        message = f"a value cannot begin with '{printable(value[:1])}' unless it is in quotes"
        return line, column, message, f'write "{printable(value)}"'
    if quoted := _TYPOGRAPHIC_VALUE.search(content[:_LONGEST]):
        return line, quoted.start(1) + 1, TYPOGRAPHIC, straight(quoted[1])
    return None


def _explain_conflict(lines: list[str]) -> Explanation | None:
    for line, content in enumerate(lines, 1):
        if _CONFLICT.match(content):
            hint = "resolve the conflict: keep what is right, and remove the lines with <<<<<<<, ======= and >>>>>>>"
            return line, 1, "this is a conflict marker of git", hint
    return None


def _explain_key(problem: str, lines: list[str], line: int, column: int) -> Explanation | None:
    """Explain a line that is no entry of what it stands in: how it is written, or how it is indented."""
    if line > len(lines) or not _code(lines[line - 1]):
        return None
    if "could not find expected ':'" in problem:
        return _explain_entry(lines, line)
    if "mapping values" in problem and ": " not in lines[line - 1][: column - 1]:
        before = next((number for number in range(line - 1, 0, -1) if lines[number - 1].strip()), 0)
        return (before and _explain_start(lines, before)) or _explain_indentation(lines, line)
    if any(words in problem for words in ("find expected key", "'-' indicator", "<document start>")):
        return _explain_indentation(lines, line)
    return None


def _explain_start(lines: list[str], line: int) -> Explanation | None:
    """Explain a line that the parser took for the beginning of a text of several lines."""
    indent = _indent(lines[line - 1])
    above = next((content for content in reversed(lines[: line - 1]) if _code(content)), "")
    continues = indent > _indent(above) and not _code(above).endswith(":")
    is_entry = ": " in lines[line - 1] or _code(lines[line - 1]).endswith(":")
    return None if continues or is_entry or not _code(lines[line - 1]) else _explain_entry(lines, line)


def _explain_entry(lines: list[str], line: int) -> Explanation | None:
    code, indent = _code(lines[line - 1]), _indent(lines[line - 1])
    siblings = (content for content in reversed(lines[: line - 1]) if _code(content) and _indent(content) <= indent)
    above = next(siblings, "")
    in_list = _indent(above) == indent and _code(above).startswith("- ")
    if code.startswith("-") and code[1:2].isalnum():
        return line, indent + 1, "a space is missing after '-'", f"write '- {shorten(code[1:])}'"
    if in_list and (indent or code.isalnum()):
        return line, indent + 1, "this item of the list has no '- '", f"write '- {shorten(code)}'"
    dash = 2 if code.startswith("- ") else 0
    if found := slip(code[dash:]):
        return line, indent + dash + found.offset + 1, found.message, found.hint
    return None


def _explain_indentation(lines: list[str], line: int) -> Explanation | None:
    """Explain a line that begins in a column where nothing above it begins."""
    rows = list(_rows(lines))
    own = _indent(lines[line - 1])
    levels = _levels([row for row in rows if row[0] < line])
    if own in levels or not levels:
        return None
    later = [row for row in rows if row[0] >= line]
    other = _nearest(own, sorted(levels), later)
    block = list(takewhile(lambda row: row[1] >= min(own, other), later))
    first, count = levels[other]  # what is right is what more lines do, or what is even
    votes = {indent: sum(row[1] == indent for row in block) for indent in (own, other)}
    votes[other] += count
    if count == 1 and (votes[own], own % 2 == 0) > (
        votes[other],
        other % 2 == 0,
    ):  # the others are right, and not the one above
        line, own, other = first, other, own
    message = (
        f"this line is indented by {_spaces(own)}, its siblings {f'by {_spaces(other)}' if other else 'not at all'}"
    )
    return line, own + 1, message, f"indent it by {_spaces(other)}" if other else f"remove the {_spaces(own)} before it"


def _levels(rows: list[tuple[int, int, str]]) -> dict[int, tuple[int, int]]:
    """Return the indentations that are open below ``rows``: the first line of each, and how many lines it has."""
    levels: dict[int, tuple[int, int]] = {}
    for line, indent, code in rows:
        levels = {level: counted for level, counted in levels.items() if level <= indent}
        first, count = levels.get(indent, (line, 0))
        levels[indent] = first, count + 1
        if code.startswith("- ") and ":" in code:
            levels[indent + 2] = line, 1
    return levels


def _nearest(own: int, levels: list[int], later: list[tuple[int, int, str]]) -> int:
    """Return the level that the first of the ``later`` rows was most likely meant to be at."""
    below, above = (
        max((it for it in levels if it < own), default=None),
        min((it for it in levels if it > own), default=None),
    )
    if below is None or above is None:
        return levels[0] if below is None else below
    if own - below != above - own:
        return below if own - below < above - own else above
    opens = later[0][2].endswith(":") if later else False
    return below if opens and len(later) > 1 and later[1][1] <= above else above


def _rows(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Return number, indentation and text of the lines that hold entries of mappings or items of lists."""
    text_below: int | None = None
    for line, content in enumerate(lines, 1):
        code, indent = _code(content), _indent(content)
        if not code or (text_below is not None and indent > text_below):
            continue
        text_below = indent if _TEXT_BLOCK.match(code) else None
        if ":" in code or code.startswith("-"):
            yield line, indent, code


def _code(content: str) -> str:
    """Return the beginning of a line without its indentation and its comment."""
    code = content[: _indent(content) + _LONGEST].strip()
    return "" if code.startswith("#") else code.split(" #")[0].strip()


def _indent(content: str) -> int:
    return len(content) - len(content.lstrip(" "))


def _spaces(count: int) -> str:
    return f"{count} space" if count == 1 else f"{count} spaces"


def _explain_end(problem: str, text: str, line: int) -> Explanation | None:
    """Explain a file that ends right after a bracket: the parser misses a value, a person the other bracket."""
    at = max(text.rfind("["), text.rfind("{"))
    if "node content" not in problem or at < 0 or "".join(lines_of(text)[line - 1 :]).strip():
        return None
    before = lines_of(text[:at])
    words = "did not find expected ',' or ']'" if text[at] == "[" else "did not find expected ',' or '}'"
    return len(before), len(before[-1]) + 1, *_SENTENCES[words]


def _explain_character(error: ReaderError, text: str) -> Explanation:
    before = lines_of(text[: error.position])
    code = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
    message = f"the file contains the control character U+{code:04X}"
    return len(before), len(before[-1]) + 1, message, "remove it"
