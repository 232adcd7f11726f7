"""What a YAML parser complains about, said so that a person knows what to write instead."""

from __future__ import annotations

import re
from itertools import chain

from yaml.composer import ComposerError
from yaml.error import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError

from driftgate.config import brackets, characters, entries, indentation, quotes, values
from driftgate.config.broken import Broken, Explanation
from driftgate.config.lines import lines_of
from driftgate.errors import printable

_CONFLICT = re.compile(r"^(<{7}|\|{7}|>{7})(?= |\r?$)|^={7}(?=\r?$)", re.MULTILINE)
_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_RESOLVE = "resolve the conflict: keep what is right, and remove the lines with <<<<<<<, ======= and >>>>>>>"
_TAB = ("a tab is used for indentation", "indent with spaces")

_BEGIN_LIST = "begin the list on the line below a key that has no value yet"

# For what is left open, where it was opened says more than where the parser gave up.
_OPENED = (
    "quoted scalar",
    "flow sequence",
    "flow mapping",
    "an alias",
    "an anchor",
    "a tag",
    "a directive",
    "simple key",
)

# The parser's words → ours. The first whose key is part of the parser's message applies; "" is part of every one.
_SENTENCES: dict[str, tuple[str, str]] = {
    "mapping values are not allowed": (
        "a ':' stands where none can be",
        "put text that contains ': ' in quotes, and check that this line is indented like its neighbours",
    ),
    "a tab character": _TAB,
    "did not find expected key": (
        "this does not continue the mapping above it",
        "check the indentation, and put text with special characters in quotes",
    ),
    "did not find expected '-' indicator": (
        "this does not continue the list above it",
        "begin every item of the list with '- ', all at the same indentation",
    ),
    "block sequence entries are not allowed": (
        "a list cannot begin here",
        "begin it on a line of its own, or put text that begins with '- ' in quotes",
    ),
    "mapping keys are not allowed": ("a value cannot begin with '?' unless it is in quotes", "put the text in quotes"),
    "could not find expected ':'": ("this line has no ': ' after its key", "write key: value"),
    "did not find expected ',' or ']'": brackets.NOT_CLOSED["["],
    "did not find expected ',' or '}'": brackets.NOT_CLOSED["{"],
    "found unexpected end of stream": (
        quotes.NOT_CLOSED,
        "close the quote; a quote inside single-quoted text is written twice: 'it''s'",
    ),
    "found unexpected document indicator": (quotes.NOT_CLOSED, "close the quote before this line"),
    "found undefined alias": ("no anchor of this name is defined before it", "put the text in quotes"),
    "second occurrence": (
        "another anchor has this name already",
        "give it a name of its own, or put the text in quotes",
    ),
    "unknown escape character": (
        "this backslash escape does not exist",
        "write \\\\ for a backslash, or use single quotes",
    ),
    "hexdecimal number": (
        "this backslash escape is not complete",
        "write \\\\ for a backslash, or use single quotes",
    ),
    "invalid Unicode character": ("this escape names no character", "write the character itself"),
    "<document start>": (
        "this line is indented less than the ones above it",
        "begin all top-level keys in the same column",
    ),
    "node content": ("a value is missing before this", "remove the bracket or write a value before it"),
    "unexpected ':'": ("a space is missing after ':'", "write key: value, and put text that contains ':' in quotes"),
    "indicator equal to 0": ("the number after '|' or '>' must be 1 to 9", "leave the number out"),
    "block scalar": (
        "the text after '|' or '>' begins on the next line",
        "write it there, indented, or put text that begins with this sign in quotes",
    ),
    "alphabetic or numeric": ("a value cannot begin with '&' or '*' unless it is in quotes", "put the text in quotes"),
    "alias": ("a value cannot begin with '*' unless it is in quotes", "put the text in quotes"),
    "anchor": ("a value cannot begin with '&' unless it is in quotes", "put the text in quotes"),
    "tag": ("a value cannot begin with '!' unless it is in quotes", "put the text in quotes"),
    "directive": ("a line cannot begin with '%'", "put the text in quotes, or write # for a comment"),
    "cannot start any token": ("a value cannot begin with '{}' unless it is in quotes", "put the text in quotes"),
    "": ("this cannot be read as YAML", "check the indentation, and put text with special characters in quotes"),
}


def explain(error: YAMLError, text: str) -> Explanation:
    """Return where ``error`` is and what to do about it."""
    if isinstance(error, ReaderError):
        return _explain_character(error, text)
    if not isinstance(error, MarkedYAMLError):
        return 1, 1, *_SENTENCES[""]
    broken = Broken(text, error)
    if isinstance(error, ComposerError):  # everything can be parsed
        return _sentence(broken)
    if found := _tab(broken) or next(values.template(broken), None):
        return found
    mend = broken.best(
        chain(
            characters.mends(broken),
            values.mends(broken),
            quotes.mends(broken),
            brackets.mends(broken),
            quotes.comment_after(broken),
            entries.mends(broken),
            indentation.mends(broken),
        )
    )
    return mend.explanation if mend else _sentence(broken)


def conflict(text: str) -> Explanation | None:
    """Return where ``text`` has a marker that git leaves where two edits met, and what to do about it."""
    found = _CONFLICT.search(text) if any(marker in text for marker in _MARKERS) else None
    if not found:
        return None
    return len(lines_of(text[: found.start()])), 1, "this is a conflict marker of git", _RESOLVE


def _sentence(broken: Broken) -> Explanation:
    line, column = broken.line, broken.column
    if broken.context.endswith(_OPENED) and "escape" not in broken.problem and "hexdecimal" not in broken.problem:
        line, column = broken.opened
    said = f"{broken.problem} {broken.context}"
    if "expected key" in said and broken.at.startswith("- "):
        return line, column, "an item of a list stands here, among the keys of a mapping", _BEGIN_LIST
    message, hint = next(sentence for words, sentence in _SENTENCES.items() if words in said)
    return line, column, message.replace("{}", printable(broken.at[:1])), hint


def _tab(broken: Broken) -> Explanation | None:
    content = broken.content(broken.line)
    indentation = content[: len(content) - len(content.lstrip())]
    return (broken.line, indentation.index("\t") + 1, *_TAB) if "\t" in indentation else None


def _explain_character(error: ReaderError, text: str) -> Explanation:
    before = lines_of(text[: error.position])
    code = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
    message = f"the file contains the control character U+{code:04X}"
    return len(before), len(before[-1]) + 1, message, "remove it"
