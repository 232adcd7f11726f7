"""Data as YAML that people like to read, and that the strict reader reads back as the same data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from driftgate.config.report import width
from driftgate.config.words import KeyPath
from driftgate.paint import Paint, plain

_WIDEST = 100  # of a list on one line
_FURTHEST = 72  # where comments stand at most, unless their line is longer

# What other readers of YAML take for something else than text.
_SPECIAL = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"}
_DURATION = re.compile(r"[0-9]+(ms|[smhdw])", re.ASCII)
_UNSAFE = re.compile(r": |:\Z| #|\s\Z")
_UNSAFE_IN_FLOW = re.compile(r"[\[\]{},:]")
_UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


def scalar(value: Any) -> str:
    """Return a scalar as YAML that can stand inside brackets."""
    return _flow(value, in_flow=True)


class Line(NamedTuple):
    """One line; ``path`` is that of the value that begins on it."""

    text: str
    path: KeyPath | None = None


def to_yaml(data: Mapping[str, Any], note: Callable[[KeyPath], str] | None = None, paint: Paint = plain) -> str:
    """Return ``data`` as YAML; ``note`` says what stands in a comment beside each value."""
    lines = list(_spaced(_mapping(data, "", ())))
    if note is None:
        return "".join(f"{line.text}\n" for line in lines)
    column = max((wide for line in lines if (wide := width(line.text)) <= _FURTHEST), default=0)
    return "".join(_noted(line, column, note, paint) for line in lines)


def _spaced(lines: Iterator[Line]) -> Iterator[Line]:
    """Return the lines with an empty one around every section but before the first."""
    in_section = False
    for number, line in enumerate(lines):
        begins, indented = line.text.endswith(":"), line.text.startswith((" ", "-"))
        if number and line.path and not indented and (begins or in_section):
            yield Line("")
        in_section = begins or (in_section and (indented or not line.path))
        yield line


def _noted(line: Line, column: int, note: Callable[[KeyPath], str], paint: Paint) -> str:
    if line.path is None:
        return f"{line.text}\n"
    space = " " * max(0, column - width(line.text))
    return f"{line.text}{space}  {paint('quiet', f'# {note(line.path)}')}\n"


def _mapping(data: Mapping[str, Any], indent: str, path: KeyPath) -> Iterator[Line]:
    for key, value in data.items():
        yield from _entry(f"{indent}{_text(key, in_flow=True)}:", value, indent, (*path, key))


def _entry(head: str, value: Any, indent: str, path: KeyPath) -> Iterator[Line]:
    """Return the lines of a value after its key."""
    if isinstance(value, str) and _is_block(value):
        yield Line(f"{head} |{'' if value.endswith(chr(10)) else '-'}", path)
        yield from (Line(f"{indent}  {line}" if line else "") for line in value.removesuffix("\n").split("\n"))
    elif _is_short(value):
        yield Line(f"{head} {_flow(value)}", path)
    elif isinstance(value, Mapping):
        yield Line(head, path)
        yield from _mapping(value, indent + "  ", path)
    else:
        yield Line(head, path)
        yield from _sequence(value, indent + "  ", path)


def _sequence(items: Iterable[Any], indent: str, path: KeyPath) -> Iterator[Line]:
    for index, item in enumerate(items):
        place = (*path, index)
        if isinstance(item, Mapping) and item:
            yield from _item(_mapping(item, indent + "  ", place), indent)
        elif isinstance(item, list) and not _is_short(item):
            yield from _item(_sequence(item, indent + "  ", place), indent)
        else:
            yield Line(f"{indent}- {_flow(item, in_flow=False)}", place)


def _item(lines: Iterator[Line], indent: str) -> Iterator[Line]:
    """Return the lines of an item, with a dash before the first."""
    first = next(lines)
    yield Line(f"{indent}- {first.text[len(indent) + 2 :]}", first.path)
    yield from lines


def _is_short(value: Any) -> bool:
    """Tell whether ``value`` goes on one line: scalars do, what is empty, and lists of few scalars."""
    if isinstance(value, list):
        return not any(isinstance(item, Mapping | list) for item in value) and len(_flow(value)) <= _WIDEST
    return not (isinstance(value, Mapping) and value)


def _flow(value: Any, *, in_flow: bool = False) -> str:
    match value:
        case str():
            return _text(value, in_flow=in_flow)
        case list():
            return f"[{', '.join(_flow(item, in_flow=True) for item in value)}]"
        case Mapping():
            return "{}"
        case _:
            return json.dumps(value)


def _text(text: str, *, in_flow: bool) -> str:
    return text if _is_plain(text) and not (in_flow and _UNSAFE_IN_FLOW.search(text)) else _quoted(text)


def _is_plain(text: str) -> bool:
    if _DURATION.fullmatch(text):
        return True
    begins_well = text[:1].isalpha() or text[:1] in {"_", "/"}
    return begins_well and text.isprintable() and not _UNSAFE.search(text) and text.lower() not in _SPECIAL


def _quoted(text: str) -> str:
    """Return ``text`` in double quotes; JSON's escapes are YAML's, but YAML reads fewer characters as they are."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _is_block(text: str) -> bool:
    """Tell whether ``text`` is best written as lines."""
    lines = text.removesuffix("\n").split("\n")
    return len(lines) > 1 and all(map(_is_block_line, lines)) and bool(lines[0] and lines[-1])


def _is_block_line(line: str) -> bool:
    return not line or (line.isprintable() and line[0] != " " and line[-1] != " ")
