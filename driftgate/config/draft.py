"""A configuration about to be checked, in whatever state it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

from driftgate.config.layers import Layers
from driftgate.config.order import Order
from driftgate.config.tree import Node, Tree

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Draft:
    """A configuration about to be checked: what is there in the right type, and nothing else."""

    layers: Layers
    stem: str
    pipeline_names: Callable[[], Collection[str]]  # stems of all pipeline files; called only when needed
    pipeline_data: Callable[[str], Data] | None = None  # stem → what that pipeline says; None: not to be opened

    @property
    def order(self) -> Order:
        return self.layers.order

    @property
    def tree(self) -> Tree:
        return self.order.tree

    @property
    def tasks(self) -> dict[str, Node]:
        return self.tree.tasks

    def section(self, name: str) -> Data:
        return mapping(self.layers.data.get(name))

    def with_operator(self, operator: str) -> list[Node]:
        return self._by_operator.get(operator, [])

    @cached_property
    def _by_operator(self) -> dict[str, list[Node]]:
        by_operator: dict[str, list[Node]] = {}
        for node in self.tasks.values():
            by_operator.setdefault(node.operator, []).append(node)
        return by_operator

    def setting(self, node: Node, key: str) -> Any:
        """Return a setting of a task: its own, or the one for all tasks."""
        return node.data.get(key, self.layers.data.get(key))


def mapping(value: Any) -> Data:
    """Return ``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether ``value`` is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
