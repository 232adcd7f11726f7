"""Text → YAML nodes, which know where they stand; and the way from a path to its node."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from yaml._yaml import CParser
from yaml.error import Mark
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH = 50

_NEST = re.compile(r"[\[{?\-]")

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")

Place = tuple[int, int] | None  # None: the file as a whole


class TooDeep(Exception):
    """Raised with the mark of the value that is nested too deeply."""


class Kind(Enum):
    """What a node without a tag is."""

    NULL = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    FLOAT = auto()
    NOT_FINITE = auto()
    TEXT = auto()
    COLLECTION = auto()


_KEYWORDS = {"": Kind.NULL, "null": Kind.NULL, "true": Kind.BOOLEAN, "false": Kind.BOOLEAN}


def kind_of(node: Node) -> Kind | None:
    """Return what ``node`` is; None if a person wrote a tag to say so."""
    tag: object = node.tag
    return tag if isinstance(tag, Kind) else None


class _Parser(CParser):
    """libyaml's parser, with JSON's idea of what an unquoted scalar is.

    Nodes get a Kind for a tag, not a word: any word a person could write too (``!<integer> x``).
    """

    def resolve(self, kind: type[Node], value: str, implicit: Any) -> Kind:
        if kind is ScalarNode:
            return scalar_kind(value) if implicit[0] else Kind.TEXT
        return Kind.COLLECTION

    def descend_resolver(self, parent: Node, index: Any) -> None: ...

    def ascend_resolver(self) -> None: ...


def scalar_kind(value: str) -> Kind:
    """Return what ``value`` is when it stands without quotes."""
    if value in _KEYWORDS:
        return _KEYWORDS[value]
    if value[0] not in "-+.0123456789":
        return Kind.TEXT
    if _INTEGER.match(value):
        return Kind.INTEGER
    if _FLOAT.match(value):
        return Kind.FLOAT
    return Kind.NOT_FINITE if _NOT_FINITE.match(value) else Kind.TEXT


def scalar_node(text: str, first: Node, last: Node) -> Node:
    """Return the node that ``text`` would be where ``first`` begins and ``last`` ends."""
    kind: Any = scalar_kind(text)
    return ScalarNode(kind, text, first.start_mark, last.end_mark)


def compose(text: str) -> Node | None:
    """Return the root of the only document in ``text``; raises YAMLError, or TooDeep."""
    # libyaml composes by recursion and takes the whole process down when it nests too deeply. Indentation
    # alone cannot nest that deep within 1 MiB; only these characters can.
    if len(_NEST.findall(text)) > 1_000:
        _check_nesting(text)
    return _Parser(text).get_single_node()


def _check_nesting(text: str) -> None:
    parser, depth = _Parser(text), 0
    while event := parser.get_event():
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise TooDeep(event.start_mark)


@lru_cache(maxsize=8)
def nodes(text: str) -> Node | None:
    """Return the same as ``compose``, remembered for a while: who asks for one place asks for more."""
    return compose(text)


def find(node: Node, path: Sequence[str | int], *, at_key: bool) -> tuple[int, int]:
    """Return line and column of the value at ``path`` below ``node``, or of its key."""
    key: Node | None = None
    exists = True
    for part in path:
        step = _step(node, part)
        if step is None:
            exists = False
            break
        key, node = step
    hidden = isinstance(node, CollectionNode) and not node.flow_style
    empty = node.start_mark.index == node.end_mark.index
    place = key if key and (at_key or not exists or hidden or empty) else node
    return place_of(place.start_mark) or (1, 1)


def place_of(mark: Mark | None) -> Place:
    """Return line and column as people count them."""
    return (mark.line + 1, mark.column + 1) if mark else None


def _step(node: Node, part: str | int) -> tuple[Node | None, Node] | None:
    if isinstance(node, MappingNode):
        return pairs(node).get(part)
    if isinstance(node, SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
        return None, node.value[part]
    return None


def pairs(node: MappingNode) -> dict[Any, tuple[Node, Node]]:
    """Return key and value node by key, remembered on the node: there may be thousands to look up."""
    by_key: dict[Any, tuple[Node, Node]] | None = vars(node).get("pairs")
    if by_key is None:
        by_key = {}
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                by_key.setdefault(key.value, (key, value))
        vars(node)["pairs"] = by_key
    return by_key
