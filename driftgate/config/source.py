"""Text → JSON-typed data, and the place of every value in that text.

YAML means more than people who edit it expect: ``on`` is true, ``010`` is eight, ``12:30:00`` is a number and
the last of two equal keys wins. Here a file yields JSON types only, and everything odd is a Problem.
"""

from __future__ import annotations

import errno
import math
import re
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from yaml.error import YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from driftgate.config.decimals import joined
from driftgate.config.entries import Slip, commented, slip
from driftgate.config.lines import lines_of
from driftgate.config.nodes import (
    MAX_DEPTH,
    Kind,
    Place,
    TooDeep,
    compose,
    find,
    kind_of,
    nodes,
    pairs,
    place_of,
    scalar_node,
)
from driftgate.config.syntax import conflict, explain
from driftgate.config.values import QUOTE_TEMPLATES, TYPOGRAPHIC, straight, without_typographic
from driftgate.config.words import KeyPath, dotted, shorten, show
from driftgate.errors import Problem, printable

MAX_BYTES = 1024 * 1024
MAX_VALUES = 100_000
MAX_PROBLEMS = 100  # of one file and one check; whoever has more will not read them all
_BEGIN = "begin with dag_id, schedule and tasks"
_LARGEST = 2**63 - 1
_SEPARATOR = re.compile("[ :=;\uff1a]")  # between a key and its value, as people write it
_OPEN = re.compile(r"[ :](\{[^{}]*|\[[^\[\]]*)\Z")  # a bracket that the key opens and does not close


@dataclass(frozen=True)
class Document:
    """One configuration file as read: its data, and the problems of its text."""

    file: str
    text: str
    data: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()
    readable: bool = True  # False: the text yields no data, so there is nothing more to check
    root: KeyPath = ()  # where in the text ``data`` is

    def part(self, *root: str, without: Collection[str] = ()) -> Document:
        """Return the mapping at ``root`` as a document of its own, empty if there is none; positions stay right."""
        data: Any = self.data
        for key in root:
            data = data.get(key) if isinstance(data, dict) else None
        data = data if isinstance(data, dict) else {}
        return replace(self, data={key: data[key] for key in data if key not in without}, root=(*self.root, *root))

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return lines_of(self.text)

    def position(self, path: Sequence[str | int], *, at_key: bool = False) -> tuple[int, int]:
        """Return line and column (from 1) of the value at ``path``, or of its key.

        A path that does not exist is where its nearest existing parent's key is. So is a value that has no
        place of its own on its key's line: an empty one, and a mapping or list on the lines below.
        """
        node = nodes(self.text) if self.readable else None
        return find(node, (*self.root, *path), at_key=at_key) if node else (1, 1)


def raw(path: Path) -> bytes | OSError:
    """Return what is in ``path``, no more than can be used of it, or why there is nothing to be had."""
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # reading it could wait for ever
            return OSError(errno.EINVAL, "it is a pipe")
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        return error


def document(content: bytes | OSError, file: str) -> Document:
    """Return the document that ``raw`` found."""
    if isinstance(content, bytes):
        return parse(content, file)
    message = f"the file cannot be read: {content.strerror or content}"
    return _refuse(file, "", None, "unreadable-file", message)


def parse(raw: bytes, file: str) -> Document:
    """Return the document that ``raw`` spells; never raises for what is in it."""
    if len(raw) > MAX_BYTES:
        return _refuse(file, "", None, "file-too-large", "the file is larger than 1 MiB", "split it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refuse_encoding(file, raw, error)
    if marker := conflict(text):
        line, column, message, hint = marker
        return _refuse(file, text, (line, column), "yaml-syntax", message, hint)
    try:
        node = compose(text)
    except YAMLError as error:
        return _refuse_syntax(file, text, error)
    except TooDeep as error:
        return _refuse_depth(file, text, error)
    return _build(file, text, node)


def _refuse(file: str, text: str, place: Place, code: str, message: str, hint: str = "") -> Document:
    line, column = place or (0, 0)
    return Document(file, text, {}, (Problem(file, line, column, "", code, message, hint),), readable=False)


def _refuse_depth(file: str, text: str, error: TooDeep) -> Document:
    message = f"this is nested deeper than {MAX_DEPTH} levels"
    hint = "flatten it; an alias (*name) must not contain itself"
    return _refuse(file, text, place_of(error.args[0]), "nested-too-deeply", message, hint)


def _refuse_encoding(file: str, raw: bytes, error: UnicodeDecodeError) -> Document:
    before = raw[: error.start].decode("utf-8-sig").split("\n")
    message = f"the file is not UTF-8: the byte 0x{raw[error.start]:02X} is no part of a character"
    place = len(before), len(before[-1]) + 1
    return _refuse(file, "", place, "not-utf-8", message, "save the file as UTF-8")


def _refuse_syntax(file: str, text: str, error: YAMLError) -> Document:
    if "another document" in str(error):
        place = place_of(getattr(error, "problem_mark", None))
        message, hint = "a second document begins here", "put each pipeline in a file of its own"
        return _refuse(file, text, place, "several-documents", message, hint)
    line, column, message, hint = explain(error, text)
    return _refuse(file, text, (line, column), "yaml-syntax", message, hint)


def _build(file: str, text: str, node: Node | None) -> Document:
    if node is None or kind_of(node) is Kind.NULL:
        return _refuse(file, text, (1, 1), "empty-file", "the file is empty", _BEGIN)
    builder = _Builder(file)
    try:
        data = builder.build(node, 0)
    except TooDeep as error:
        return _refuse_depth(file, text, error)
    except OverflowError:
        message = f"the file holds more than {MAX_VALUES:,} values once its aliases are expanded"
        return _refuse(file, text, None, "too-many-values", message, "split it, and use fewer aliases (*name)")
    if not isinstance(data, dict):
        message = f"the file must be a mapping of keys to values, not {show(data)}"
        return _refuse(file, text, place_of(node.start_mark), "not-a-mapping", message, _BEGIN)
    return Document(file, text, data, tuple(builder.problems))


class _Builder:
    """Turns nodes into data, noting what is odd on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.path: list[str | int] = []
        self.values = 0

    def build(self, node: Node, depth: int) -> Any:
        self.values += 1
        if self.values > MAX_VALUES:
            raise OverflowError
        if depth > MAX_DEPTH:
            raise TooDeep(node.start_mark)
        self._check_tag(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, SequenceNode):
            return self._sequence(node, depth)
        return self._scalar(node)

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        entries = joined(node, self._note_comma) if node.flow_style else node.value
        for key_node, value_node in entries:
            if found := self._slip(key_node, value_node):
                if key_node.end_mark.index == value_node.start_mark.index:  # else the value is cut in two
                    data.setdefault(found.key, self.build(scalar_node(found.value, key_node, key_node), depth + 1))
                continue
            key = self._key(key_node, node)
            if key is None:
                continue
            self.path.append(key)
            if key in data:
                self._note_duplicate(key, key_node, node)
            else:
                data[key] = self.build(value_node, depth + 1)
            self.path.pop()
        return data

    def _sequence(self, node: SequenceNode, depth: int) -> list[Any]:
        items = []
        for index, item in enumerate(node.value):
            self.path.append(index)
            items.append(self.build(item, depth + 1))
            self.path.pop()
        return items

    def _key(self, node: Node, mapping: MappingNode) -> str | None:
        if isinstance(node, MappingNode) and mapping.flow_style:
            self._note(mapping, "yaml-syntax", "text that begins with {{ needs quotes", QUOTE_TEMPLATES)
            return None
        if not isinstance(node, ScalarNode):
            self._note(node, "key-not-text", "a key must be text, not a mapping or a list", "write key: value")
            return None
        if node.value == "<<":
            hint = "repeat the keys here, or put what pipelines share into defaults.yaml"
            self._note(node, "merge-key", "merge keys (<<) are not supported", hint)
            return None
        if not node.style and (found := commented(node.value)):
            message, hint = found
            self._note(node, "yaml-syntax", message, f"{hint} …")
            return None
        self._check_tag(node)
        if kind_of(node) not in {Kind.TEXT, None}:
            shown = printable(node.value)
            message = f"a key must be text, not {shown}" if shown else "a key is missing before the ':'"
            self._note(node, "key-not-text", message, f'write "{shown}" in quotes' if shown else "write key: value")
            return None
        return self._text(node)

    def _slip(self, key: Node, value: Node) -> Slip | None:
        """Note a key that swallowed its value, as in ``{above 0.95}`` and ``guard:{cooldown: 6h}``."""
        if not isinstance(key, ScalarNode) or key.style or key.value.isidentifier():
            return None
        if not any(char.isalnum() for char in key.value):
            return None
        alone = key.end_mark.index == value.start_mark.index and _SEPARATOR.search(key.value) is not None
        found = slip(key.value) if alone or _OPEN.search(key.value) else None
        if found:
            self._note(key, "yaml-syntax", found.message, found.hint if alone else found.hint + " …", found.offset)
        return found

    def _text(self, node: Node) -> str:
        plain = isinstance(node, ScalarNode) and not node.style
        text = without_typographic(node.value) if plain else None
        if text is None:
            return str(node.value)
        self._note(node, "yaml-syntax", TYPOGRAPHIC, straight(node.value))
        return text

    def _check_tag(self, node: Node) -> None:
        if kind_of(node) is None:
            tag = shorten(str(node.tag).replace("tag:yaml.org,2002:", "!!"))
            self._note(node, "tag", f"the tag {tag} is not allowed", "remove it: only plain values")

    def _scalar(self, node: Node) -> Any:
        if isinstance(node, ScalarNode) and node.style in ("|", ">") and not node.value.strip():
            hint = f"indent the text below {node.style}"
            self._note(node, "yaml-syntax", f"there is no text below '{node.style}'", hint)
        match kind_of(node):
            case Kind.NULL:
                return None
            case Kind.BOOLEAN:
                return node.value == "true"
            case Kind.INTEGER | Kind.FLOAT | Kind.NOT_FINITE:
                return self._number(node)
            case _:
                return self._text(node)

    def _number(self, node: Node) -> int | float:
        kind = kind_of(node)
        if kind is Kind.INTEGER and len(node.value) < 21 and abs(int(node.value)) <= _LARGEST:
            return int(node.value)
        if kind is Kind.FLOAT and math.isfinite(number := float(node.value)):
            return number
        message = f"{dotted(self.path)} must be a finite number, not {shorten(node.value)}"
        if kind is Kind.INTEGER:
            message = f"{dotted(self.path)} is larger than a 64-bit whole number: {shorten(node.value)}"
        self._note(node, "number-not-finite", message, "write an ordinary number, such as 0.95")
        return 0

    def _note_comma(self, node: Node, meant: str) -> None:
        self._note(node, "yaml-syntax", "a number is written with a point, not with a comma", f"write {meant}")

    def _note_duplicate(self, key: str, node: Node, mapping: MappingNode) -> None:
        first = pairs(mapping)[key][0]
        message = f"the key '{shorten(key)}' is already used in line {first.start_mark.line + 1}"
        self._note(node, "duplicate-key", message, "keep one of the two")

    def _note(self, node: Node, code: str, message: str, hint: str, offset: int = 0) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            line, column = place_of(node.start_mark) or (0, 0)
            self.problems.append(Problem(self.file, line, column + offset, dotted(self.path), code, message, hint))
