"""Values that need quotes, or must begin elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yaml.tokens import FlowMappingStartToken

from driftgate.config.broken import Broken, Mend
from driftgate.config.lines import LONGEST, code_of, indent_of
from driftgate.config.words import shorten
from driftgate.errors import printable

QUOTE_TEMPLATES = 'put text with {{ … }} in quotes, such as message: "{{ drift.summary }}"'
TYPOGRAPHIC = "typographic quotes (\u201c \u201d) are not quotes"
_TYPOGRAPHIC = re.compile(
    "[\u201c\u201d\u201e]([^\u201c\u201d\u201e]*)[\u201c\u201d]|[\u2018\u2019\u201a]([^\u2018\u2019\u201a]*)[\u2018\u2019]"
)
_TYPOGRAPHIC_VALUE = re.compile(f"(?:^|: |- )\\s*({_TYPOGRAPHIC.pattern})\\s*(?: #|$)")
_TEMPLATE = re.compile(r"[:\-\[,{]\s+(\{\{)")
_BEGINS_VALUE = re.compile(r"(?:: +|- +|[\[{,] *)(?=[&*!%@`?])")
_NEXT_ENTRY = re.compile(r"\s*(?:[\]}]|,\s*(?:$|[\]}\"']|[^\s,:]+:))")
_HAS_COLON = re.compile(r"(?:: +|^\s*- +)(?=[^\s\"'\[{|>#])")
_LIST_BESIDE_KEY = re.compile(r"(.*?:) +- +(.*)")


def without_typographic(text: str) -> str | None:
    """Return ``text`` without the typographic quotes around it; None if there are none."""
    return text[1:-1] if not text.isascii() and _TYPOGRAPHIC.fullmatch(text) else None


def straight(text: str) -> str:
    """Return the hint for ``text`` in typographic quotes."""
    return f'write "{shorten(text[1:-1])}"'


def mends(broken: Broken) -> Iterator[Mend]:
    """Return how the values on the line where the parser gave up may have been meant."""
    content = broken.content(broken.line)
    if len(content) > 2 * LONGEST:
        return
    yield from _typographic(broken, content)
    yield from _beside_key(broken, content)
    yield from _special(broken, content)
    if "mapping values" in broken.problem or broken.at.startswith(":"):
        yield from _with_colon(broken, content)


def _typographic(broken: Broken, content: str) -> Iterator[Mend]:
    if quoted := _TYPOGRAPHIC_VALUE.search(content[:LONGEST]):
        changed = f'{content[: quoted.start(1)]}"{quoted[1][1:-1]}"{content[quoted.end(1) :]}'
        yield Mend(broken.line, quoted.start(1) + 1, TYPOGRAPHIC, straight(quoted[1]), {broken.line: changed})


def template(broken: Broken) -> Iterator[tuple[int, int, str, str]]:
    """Explain ``message: {{ drift.psi }}``."""
    found = _TEMPLATE.search(broken.content(broken.line)[: 2 * LONGEST])
    if found and "escape" not in broken.problem:
        yield broken.line, found.start(1) + 1, "text that begins with {{ needs quotes", QUOTE_TEMPLATES


def _beside_key(broken: Broken, content: str) -> Iterator[Mend]:
    """Explain ``tags: - a``."""
    found = _LIST_BESIDE_KEY.fullmatch(content.split(" #")[0].rstrip())
    if not found or "block sequence" not in broken.problem:
        return
    message, column = "a list cannot begin on the line of its key", found.end(1) + 2
    own = {broken.line: f"{found[1]} [{found[2]}]"}
    yield Mend(broken.line, content.index("-", found.end(1)) + 1, message, f"write [{shorten(found[2])}]", own)
    indent = indent_of(broken.content(broken.line + 1))
    below = " " * (indent if code_of(broken.content(broken.line + 1)).startswith("-") else indent_of(content) + 2)
    hint = f"write '- {shorten(found[2])}' on the line below"
    yield Mend(broken.line, column, message, hint, {broken.line: f"{found[1]}\n{below}- {found[2]}"})


def _special(broken: Broken, content: str) -> Iterator[Mend]:
    """Explain ``schedule: @hourly``, ``*.csv`` and ``&& echo``."""
    for found in _BEGINS_VALUE.finditer(content):
        for end in _value_ends(broken, content, found.end()):
            yield _quote(broken.line, content, found.end(), end)


def _value_ends(broken: Broken, content: str, start: int) -> Iterator[int]:
    if brackets := broken.brackets():
        in_mapping = isinstance(brackets[-1], FlowMappingStartToken)
        for closing in re.finditer(r"\s*[,\]}]", content[start:]):
            if not in_mapping or _NEXT_ENTRY.match(content, start + closing.start()):
                yield start + closing.start()
        return
    comment = content.find(" #", start)
    yield len((content if comment < 0 else content[:comment]).rstrip())


def _quote(line: int, content: str, start: int, end: int) -> Mend:
    value = content[start:end]
    message = f"a value cannot begin with '{printable(value[:1])}' unless it is in quotes"
    stray = value[-1:] if value[-1:] in ("'", '"') and value.count(value[-1]) == 1 else ""
    written = in_quotes(value.removesuffix(stray))
    hint = f"write {shorten(written)}"
    return Mend(line, start + 1, message, hint, {line: content[:start] + written + content[end:]})


def in_quotes(text: str) -> str:
    """Return ``text`` in quotes."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def _with_colon(broken: Broken, content: str) -> Iterator[Mend]:
    """Explain ``description: Drift: every hour``."""
    for found in _HAS_COLON.finditer(content[: broken.column]):
        for end in _value_ends(broken, content, found.end()):
            cut = broken.brackets() and set(content[found.end() : end]) & set(",[]{}")
            if end > broken.column - 1 > found.end() and not cut:
                written = in_quotes(content[found.end() : end])
                changed = content[: found.end()] + written + content[end:]
                message, hint = "a ':' stands where none can be", f"put the text in quotes: {shorten(written)}"
                yield Mend(broken.line, broken.column, message, hint, {broken.line: changed})
