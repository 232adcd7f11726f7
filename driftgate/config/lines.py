"""A text as lines: what each of them says, and how far it is indented."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

LONGEST = 300  # of a line, as far as it is looked at
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the ones that YAML counts
_TEXT_BLOCK = re.compile(r".*(?:^|[ :])[|>][-+0-9]*$")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_OPENS_FLOW = re.compile(r"(?:^|: +|- +)([\[{].*)")


class Row(NamedTuple):
    """A line that holds an entry of a mapping or an item of a list."""

    line: int
    indent: int
    code: str  # its text without indentation and comment

    @property
    def is_item(self) -> bool:
        return self.code.startswith("- ")

    @property
    def key(self) -> str:
        """The key of the entry; "" where there is none."""
        return _key_of(self.code)

    @property
    def opens(self) -> bool:
        """Whether what belongs to it is on the lines below."""
        return self.code.endswith(":") or self.code == "-"


@lru_cache(maxsize=4_000)  # the same rows again and again, each time moved elsewhere
def _key_of(code: str) -> str:
    before, colon, _ = (code + " ").partition(": ")
    return before.removeprefix("- ").strip() if colon else ""


def lines_of(text: str) -> list[str]:
    """Return the lines of ``text`` as YAML counts them."""
    return _LINE_BREAK.split(text)


def indent_of(content: str) -> int:
    """Return by how many spaces a line is indented."""
    return len(content) - len(content.lstrip(" "))


def code_of(content: str) -> str:
    """Return the beginning of a line without its indentation and its comment."""
    code = content[: indent_of(content) + LONGEST].strip()
    return "" if code.startswith("#") else code.split(" #")[0].strip()


def opens_text(content: str) -> bool:
    """Tell whether the lines below ``content`` are text, as after ``message: |``."""
    return bool(_TEXT_BLOCK.match(code_of(content)))


def rows(lines: Sequence[str], first: int = 1) -> Iterator[Row]:
    """Return the rows of ``lines``, of which the first has the number ``first``."""
    text_below: int | None = None
    depth = 0
    for line, content in enumerate(lines, first):
        code, indent = code_of(content), indent_of(content)
        if not code or (text_below is not None and indent > text_below):
            continue
        if depth:
            depth = max(0, depth + _depth(code))
            continue
        text_below = indent if _TEXT_BLOCK.match(code) else None
        if ":" in code or code.startswith("-"):
            yield Row(line, indent, code)
        if (flow := _OPENS_FLOW.search(code)) and len(code) < LONGEST:
            depth = max(0, _depth(flow[1]))


def _depth(code: str) -> int:
    bare = _QUOTED.sub("", code)
    return sum(bare.count(char) for char in "[{") - sum(bare.count(char) for char in "]}")


def spaces(count: int) -> str:
    """Return ``count`` spaces in words."""
    return f"{count} space" if count == 1 else f"{count} spaces"
