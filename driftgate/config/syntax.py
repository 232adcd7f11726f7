"""What a YAML parser complains about, said so that a person knows what to write instead."""

from __future__ import annotations

import re

from yaml.error import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError

from driftgate.config.words import printable

Explanation = tuple[int, int, str, str]  # line, column (from 1), message, hint

QUOTE_TEMPLATES = 'put text with {{ … }} in quotes, such as message: "{{ drift.summary }}"'
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the ones that YAML counts

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
    content = lines_of(text)[line - 1] if line <= len(lines_of(text)) else ""
    special = _explain_line(problem, content, line, column)
    if special:
        return special
    for words, (message, hint) in _SENTENCES.items():
        if words in problem:
            return line, column, message, hint
    return line, column, f"this is not valid YAML: {printable(problem)}", "check the indentation and the quotes"


def lines_of(text: str) -> list[str]:
    """Return the lines of ``text`` as YAML counts them."""
    return _LINE_BREAK.split(text)


def _place(error: YAMLError) -> tuple[int, int, str]:
    if not isinstance(error, MarkedYAMLError):
        return 1, 1, str(error)
    # For something left open, where it was opened says more than where the file ended.
    opened = (error.context or "").endswith(("quoted scalar", "flow sequence", "flow mapping", "an alias"))
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
    return None


def _explain_character(error: ReaderError, text: str) -> Explanation:
    before = lines_of(text[: error.position])
    code = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
    message = f"the file contains the control character U+{code:04X}"
    return len(before), len(before[-1]) + 1, message, "remove it"
