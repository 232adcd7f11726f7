"""Numbers with a decimal comma, which in brackets ends the number: ``{above: 0,95}``."""

from __future__ import annotations

import re
from collections.abc import Callable

from yaml.nodes import MappingNode, Node, ScalarNode

from driftgate.config.nodes import Kind, kind_of, scalar_node

_FRACTION = re.compile(r"[0-9]+")
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")


def joined(node: MappingNode, note: Callable[[Node, str], None]) -> list[tuple[Node, Node]]:
    """Return the entries of a mapping in brackets, without what a decimal comma makes of ``{above: 0,95}``."""
    entries: list[tuple[Node, Node]] = []
    for key, value in node.value:
        number = entries[-1][1] if entries else None
        if isinstance(number, ScalarNode) and _is_fraction(number, key, value):
            meant = f"{number.value}.{key.value}"
            meant = meant.replace(".", "") if _THOUSANDS.fullmatch(meant) else meant
            note(number, meant)
            entries[-1] = entries[-1][0], scalar_node(meant, number, key)
        else:
            entries.append((key, value))
    return entries


def _is_fraction(number: ScalarNode, key: Node, value: Node) -> bool:
    plain = isinstance(key, ScalarNode) and not number.style and not key.style
    beside = key.start_mark.index == number.end_mark.index + 1 and key.end_mark.index == value.start_mark.index
    return plain and beside and kind_of(number) is Kind.INTEGER and _FRACTION.fullmatch(key.value) is not None
