"""Lines that were meant to be entries, items or comments, and are not written as such."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from driftgate.config.broken import Broken, Mend
from driftgate.config.characters import name_of
from driftgate.config.lines import LONGEST, code_of, indent_of, opens_text, spaces
from driftgate.config.words import shorten
from driftgate.errors import printable

_NO_SPACE = re.compile(r"([A-Za-z_][\w-]*):((?!//)[^\s:].*)")
_WIDE_COLON = re.compile("([A-Za-z_][\\w.-]*)([\uff1a\ufe55\u2236\ua789])\\s*(.*)")
_EQUALS = re.compile(r"([A-Za-z_][\w.-]*)( *(?::=|=>|->|=|;) *)(.*)")
_NO_COLON = re.compile(r"([A-Za-z_][\w.-]*(?: [\w.-]+)*) +([\[{\"'].*)|([A-Za-z_][\w.-]*)(?: +(.*))?")
_COMMENT = re.compile(r"(//+|/\*+|<!--+|;+)\s*(.*?)\s*(?:\*+/|--+>)?")
_COMMENT_BEHIND = re.compile(r"\s(//+|/\*+)\s*(.*?)\s*(?:\*+/)?$")
_DASH = re.compile(r"-(?=[^\s\-:>\]}])")
_NO_SPACE_HERE = re.compile(r"([\w.-]+):(?=[^\s:/])")
_ABOVE = 4  # lines above the place where the parser gave up, in which the mistake may be
_LONGEST_TEXT = 12  # lines


class Slip(NamedTuple):
    """A key and its value that are not written as such, and what is wrong so many characters into them."""

    key: str
    value: str
    offset: int
    message: str

    @property
    def meant(self) -> str:
        return f"{self.key}: {self.value}".strip()

    @property
    def hint(self) -> str:
        return f"write {shorten(self.meant)}"


def slip(text: str) -> Slip | None:
    """Return what ``text`` lacks to be ``key: value``."""
    text = text[:LONGEST]
    if found := _NO_SPACE.fullmatch(text):
        return Slip(found[1], found[2], found.end(1), "a space is missing after ':'")
    if found := _WIDE_COLON.fullmatch(text):
        message = f"this is not ':' but the character {name_of(found[2])}"
        return Slip(found[1], found[3], found.start(2), message)
    if found := _EQUALS.fullmatch(text):
        sign = found[2].strip()
        return Slip(
            found[1], found[3], found.start(2) + found[2].index(sign), f"a key ends with ':', not with '{sign}'"
        )
    if found := _NO_COLON.fullmatch(text):
        key, value = found[1] or found[3], found[2] or found[4] or ""
        return Slip(key, value, 0, f"the ':' is missing after '{shorten(key)}'")
    return None


def mends(broken: Broken) -> Iterator[Mend]:
    """Return how the lines around the place where the parser gave up may have been meant."""
    lines = [broken.opened[0]] if broken.context.endswith("simple key") else []
    lines += [broken.line, *_above(broken)]
    for line in dict.fromkeys(lines):
        yield from _stray_dash(broken, line)
    for line in dict.fromkeys(lines):
        yield from _of_text(broken, line)
        yield from _comment(broken, line)
        yield from _comment_behind(broken, line)
        if not broken.brackets():
            yield from _of_entry(broken, line)
    yield from _in_brackets(broken)


def commented(code: str) -> tuple[str, str] | None:
    """Return message and hint for a line that is commented out as in other languages; None for any other."""
    found = _COMMENT.fullmatch(code)
    if not found:
        return None
    written = f"# {found[2]}".strip()
    return f"a comment begins with '#', not with '{found[1]}'", f"write {shorten(written)}"


def _above(broken: Broken) -> list[int]:
    numbers = (number for number in range(broken.line - 1, 0, -1) if code_of(broken.content(number)))
    return [number for number, _ in zip(numbers, range(_ABOVE), strict=False)]


def _is_entry(code: str) -> bool:
    return ": " in code or code.endswith(":")


def _comment(broken: Broken, line: int) -> Iterator[Mend]:
    """Explain ``// off`` on a line of its own."""
    code, indent = code_of(broken.content(line)), indent_of(broken.content(line))
    if found := commented(code):
        yield Mend(line, indent + 1, *found, {line: " " * indent + "#"})


def _stray_dash(broken: Broken, line: int) -> Iterator[Mend]:
    """Explain ``- target: x`` among lines such as ``uri: y``."""
    content, below = broken.content(line), code_of(broken.content(line + 1))
    code, indent = code_of(content), indent_of(content)
    key = code[2:].partition(":")[0]
    if code.startswith("- ") and _is_entry(code[2:]) and not below.startswith(("- ", f"{key}:")):
        message = "this line begins with '- ', its siblings do not"
        yield Mend(line, indent + 1, message, "remove the '- '", {line: " " * indent + content[indent + 2 :].lstrip()})


def _comment_behind(broken: Broken, line: int) -> Iterator[Mend]:
    """Explain ``psi: // off``."""
    content = broken.content(line)
    if len(content) <= LONGEST and (found := _COMMENT_BEHIND.search(content)):
        written = f"# {found[2]}".strip()
        message = f"a comment begins with ' #', not with '{found[1]}'"
        changes = {line: content[: found.start(1)] + written}
        yield Mend(line, found.start(1) + 1, message, f"write {shorten(written)}", changes)


def _of_entry(broken: Broken, line: int) -> Iterator[Mend]:
    content = broken.content(line)
    code, indent = code_of(content), indent_of(content)
    if not code:
        return
    if _DASH.match(code):
        yield _item(line, indent, code[1:], "a space is missing after '-'", content)
    listed = (_in_list(broken, line) and (indent or code.isalnum())) or _above_list(broken, line)
    if listed and not code.startswith("-"):
        yield _item(line, indent, code, "this item of the list has no '- '", content)
    dash = 2 if code.startswith("- ") else 0
    if not _is_entry(code) and not _continues(broken, line) and (found := slip(code[dash:])):
        start = indent + dash
        changed = f"{content[:start]}{found.meant}"
        yield Mend(line, start + found.offset + 1, found.message, found.hint, {line: changed})


def _item(line: int, indent: int, text: str, message: str, content: str) -> Mend:
    written = f"- {text.strip()}"
    return Mend(line, indent + 1, message, f"write '{shorten(written)}'", {line: " " * indent + written})


def _in_list(broken: Broken, line: int) -> bool:
    """Tell whether the line stands where an item of a list would."""
    indent = indent_of(broken.content(line))
    for number in range(line - 1, max(0, line - 50), -1):
        code, own = code_of(broken.content(number)), indent_of(broken.content(number))
        if code and own <= indent:
            return own == indent and code.startswith("- ")
    return False


def _above_list(broken: Broken, line: int) -> bool:
    """Tell whether the line stands right above an item of a list, in the same column."""
    below = broken.content(line + 1)
    return indent_of(below) == indent_of(broken.content(line)) and code_of(below).startswith("- ")


def _continues(broken: Broken, line: int) -> bool:
    """Tell whether the line goes on with the text of the one above it."""
    above = next(iter(number for number in range(line - 1, 0, -1) if code_of(broken.content(number))), 0)
    deeper = indent_of(broken.content(line)) > indent_of(broken.content(above))
    return deeper and not code_of(broken.content(above)).endswith(":")


def _of_text(broken: Broken, line: int) -> Iterator[Mend]:
    """Explain a line below ``message: |`` that is not indented, or not as far as the others."""
    if (head := _text_above(broken, line)) is None:
        return
    indent, first = indent_of(broken.content(head)), _first_below(broken, head)
    wanted = indent + 2
    message, hint = f"the text below '{code_of(broken.content(head))[-1:]}' is not indented", "indent the text below"
    if first < line:
        wanted = indent_of(broken.content(first))
        message = "this line is not indented like the text above it"
        hint = "indent it"
    own = indent_of(broken.content(line))
    for last in range(line, min(line + _LONGEST_TEXT, len(broken.lines) + 1)):
        block = range(line, last + 1)
        changes = {number: " " * (wanted - own) + broken.content(number) for number in block}
        sign = code_of(broken.content(head))[-1:]
        words = (
            f"indent the text below {sign} by {spaces(wanted)}"
            if hint.endswith("below")
            else f"{hint} by {spaces(wanted)}"
        )
        yield Mend(line, own + 1, message, words, changes)


def _text_above(broken: Broken, line: int) -> int | None:
    """Return the line that opens the text to which ``line``, which is no entry, may belong."""
    own = indent_of(broken.content(line))
    if not code_of(broken.content(line)) or _is_entry(code_of(broken.content(line))):
        return None
    for number in range(line - 1, max(0, line - _LONGEST_TEXT), -1):
        content = broken.content(number)
        if opens_text(content):
            below = _first_below(broken, number)
            return number if own <= indent_of(content) or own < indent_of(broken.content(below)) else None
        if code_of(content) and indent_of(content) < own:
            return None
    return None


def _first_below(broken: Broken, head: int) -> int:
    below = (number for number in range(head + 1, len(broken.lines) + 1) if broken.content(number).strip())
    return next(below, head)


def _in_brackets(broken: Broken) -> Iterator[Mend]:
    """Explain ``{depends_on:[a]}``."""
    content = broken.content(broken.line)
    if "unexpected ':'" not in broken.problem or len(content) > 2 * LONGEST:
        return
    for found in _NO_SPACE_HERE.finditer(content):
        if found.start() >= broken.opened[1] - 1 or found.end() >= broken.column:
            rest = re.match(r"\[[^\]]*\]|\{[^}]*\}|[^,\]}]*", content[found.end() :])
            hint = f"write {printable(found[1])}: {shorten(rest[0]) if rest else ''}".rstrip()
            changed = f"{content[: found.end()]} {content[found.end() :]}"
            message = "a space is missing after ':'"
            if content[found.end() : found.end() + 1] in "]},":
                message, hint = "a text that ends with ':' needs quotes", f'write "{printable(found[0])}"'
                changed = f'{content[: found.start()]}"{found[0]}"{content[found.end() :]}'
            yield Mend(broken.line, found.end(1) + 1, message, hint, {broken.line: changed})
