"""The graph of a pipeline as it is drawn: tasks in their groups, and edges that say when they are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from driftgate.config.model import Pipeline, Task


@dataclass(frozen=True)
class Edge:
    """``after`` waits for ``before``; with ``routes``, only these severities lead there."""

    before: str
    after: str
    routes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A task, or a group of tasks and groups; ``parent`` is the group it is in."""

    name: str  # with the names of its groups before it: ``train.fit``
    parent: str = ""
    note: str = ""  # what its operator does not say: ``for each path``
    is_group: bool = False

    @property
    def label(self) -> str:
        """The name within its group."""
        return self.name.removeprefix(f"{self.parent}.")


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of the file, a group before what is in it; edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    bounds: Mapping[str, str]  # severity → which PSI it stands for

    def inside(self, parent: str) -> list[Node]:
        """Return the nodes directly in the group ``parent`` (``""``: in none)."""
        return [node for node in self.nodes if node.parent == parent]


def graph_of(pipeline: Pipeline) -> Graph:
    """Return the graph of ``pipeline``."""
    nodes = [Node(group.group_id, group.parent, is_group=True) for group in pipeline.groups]
    nodes += [Node(task.task_id, task.group, _mapped(task)) for task in pipeline.tasks]
    routes = {task.task_id: _routes(task) for task in pipeline.tasks}
    edges = [
        Edge(before, after, tuple(severity for severity, target in routes.get(before, ()) if target == after))
        for before, after in _edges(pipeline)
    ]
    return Graph(tuple(nodes), tuple(edges), bounds(pipeline.sections.get("psi", {})))


def bounds(psi: Mapping[str, Any]) -> dict[str, str]:
    """Return which PSI each severity stands for."""
    if not {"minor", "moderate", "critical"} <= set(psi):
        return {}
    minor, moderate, critical = (f"{psi[band]:g}" for band in ("minor", "moderate", "critical"))
    return {
        "none": f"PSI < {minor}",
        "minor": f"{minor} ≤ PSI < {moderate}",
        "moderate": f"{moderate} ≤ PSI ≤ {critical}",
        "critical": f"PSI > {critical}",
    }


def _edges(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    for group in pipeline.groups:
        yield from ((before, group.group_id) for before in group.depends_on)
    for task in pipeline.tasks:
        yield from ((before, task.task_id) for before in task.depends_on)


def _routes(task: Task) -> list[tuple[str, str]]:
    routes = task.parameters.get("routes")
    return list(routes.items()) if isinstance(routes, Mapping) else []


def _mapped(task: Task) -> str:
    if task.expand_kwargs is not None:
        return "several times"
    return f"for each {' and '.join(task.expand)}" if task.expand else ""
