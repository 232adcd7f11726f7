"""The tasks and groups of a configuration, in whatever state it is: full ids, and what each name means.

A task in a group is called ``group.task``. A name is looked up beside the one that says it, then outward, group by
group; in full it means the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from driftgate.config import schemas
from driftgate.config.words import KeyPath, closest

DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_MOST_NAMES = 1_000  # that a hint chooses from


@dataclass(frozen=True)
class Node:
    """A task or a group."""

    id: str  # in full: group.task
    group: str  # id of the group it is in, "" if in none
    path: KeyPath  # where it stands: ("tasks", group, "tasks", task)
    data: Mapping[str, Any]
    is_group: bool

    @cached_property
    def operator(self) -> str:
        """The task's operator, or the one that a misspelt name must mean; "" if there is no telling."""
        written = self.data.get("operator")
        return _meant(written) if isinstance(written, str) and not self.is_group else ""

    @property
    def depth(self) -> int:
        """How many groups it is in."""
        return len(self.path) // 2 - 1


@dataclass(frozen=True)
class Reference:
    """A name that one node says of another."""

    node: Node
    path: KeyPath
    name: str
    target: str | None  # id of what the name means, None if nothing is called so
    after: bool  # whether the target comes after the node (a route) rather than before it


def own_operator(path: str) -> str:
    """Return the short name of an operator of Driftgate's that somebody calls by its class; "" for all others."""
    match = re.fullmatch(r"operators\.\w+\.(\w+)Operator", path)
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", match[1]).lower() if match else ""
    return name if name in schemas.operators() else ""


@lru_cache(maxsize=1_000)
def _meant(operator: str) -> str:
    if own := own_operator(operator):
        return own
    if operator in schemas.operators() or DOTTED_PATH.fullmatch(operator):
        return operator
    return closest(operator, schemas.operators()) or ""


def is_group(entry: Any) -> bool:
    """Tell whether an entry under ``tasks`` is a group: it has tasks, however misspelt, and no operator."""
    if not isinstance(entry, dict) or "operator" in entry:
        return False
    return "tasks" in entry or any(isinstance(entry[key], dict) and closest(key, ("tasks",)) for key in entry)


class Tree:
    """All tasks and groups below ``tasks``."""

    def __init__(self, tasks: Any) -> None:
        self.nodes: dict[str, Node] = {}
        self._add(tasks, "", ("tasks",))

    def _add(self, entries: Any, group: str, path: KeyPath) -> None:
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            data = entry if isinstance(entry, dict) else {}
            node = Node(f"{group}.{name}" if group else name, group, (*path, name), data, is_group(entry))
            self.nodes.setdefault(node.id, node)
            if node.is_group:
                self._add(data.get("tasks"), node.id, (*node.path, "tasks"))

    @cached_property
    def tasks(self) -> dict[str, Node]:
        """The tasks by id."""
        return {node.id: node for node in self.nodes.values() if not node.is_group}

    @cached_property
    def groups(self) -> dict[str, Node]:
        """The groups by id, each before those in it."""
        return {node.id: node for node in self.nodes.values() if node.is_group}

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Everything that a node says of another: depends_on, output_of, routes."""
        return tuple(said for each in self.spoken_by.values() for said in each)

    @cached_property
    def spoken_by(self) -> dict[str, list[Reference]]:
        """What each node says of others, by its id."""
        return {
            node.id: [
                Reference(node, (*node.path, *path), name, self.resolve(name, node.group), after)
                for path, name, after in _names(node)
                if isinstance(name, str)
            ]
            for node in self.nodes.values()
        }

    def resolve(self, name: str, group: str) -> str | None:
        """Return the id of what ``name`` means in ``group``; None if nothing."""
        while True:
            found = f"{group}.{name}" if group else name
            if found in self.nodes:
                return found
            if not group:
                return None
            group = group.rpartition(".")[0]

    def around(self, node: Node) -> Iterator[str]:
        """Return the ids of the groups that ``node`` is in, from the innermost."""
        group = node.group
        while group in self.nodes and group:
            yield group
            group = self.nodes[group].group

    def known_as(self, target: str, group: str) -> str:
        """Return the shortest name by which ``target`` can be called in ``group``."""
        parts = target.split(".")
        names = (".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1))
        return next((name for name in names if self.resolve(name, group) == target), target)

    def names_in(self, node: Node) -> list[str]:
        """Return what else can be named at ``node``, by the shortest name that works there."""
        groups = set(self.around(node))
        others = (other for other in self.nodes if other != node.id and other not in groups)
        return [self.known_as(other, node.group) for other in islice(others, _MOST_NAMES)]


def _names(node: Node) -> Iterator[tuple[KeyPath, Any, bool]]:
    for index, name in enumerate(_list(node.data.get("depends_on"))):
        yield ("depends_on", index), name, False
    if node.is_group:
        return
    for path, source in sources(node.data):
        yield path, source, False
    if node.operator == "decide_action":
        for severity, name in _mapping(node.data.get("routes")).items():
            yield ("routes", severity), name, True


def sources(task: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    """Return the tasks that ``task`` is expanded over the output of, with the paths that say so."""
    for parameter, values in _mapping(task.get("expand")).items():
        if isinstance(values, dict) and "output_of" in values:
            yield ("expand", parameter, "output_of"), values["output_of"]
    values = task.get("expand_kwargs")
    if isinstance(values, dict) and "output_of" in values:
        yield ("expand_kwargs", "output_of"), values["output_of"]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
