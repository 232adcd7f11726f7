"""A pipeline's graph in a terminal: a tree, in which a task that waits for several hangs below the last of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter

from driftgate.config.report import width
from driftgate.errors import printable
from driftgate.paint import Paint, plain
from driftgate.views.graph import Graph

Row = tuple[str, str, str]  # the lines that lead there, the task, what there is to say about it


def tree(graph: Graph, paint: Paint = plain) -> str:
    """Return ``graph`` as lines of text."""
    waits = _waits(graph)
    home = _homes(waits, graph)
    rows = [
        row
        for name in waits
        if name not in home
        for row in [("", name, _note(name, (), waits, graph)), *_below(name, waits, home, graph)]
    ]
    wide = max((width(lines) + width(name) for lines, name, note in rows if note), default=0)
    return "\n".join(_line(row, wide, paint) for row in rows) + "\n"


def _line(row: Row, wide: int, paint: Paint) -> str:
    lines, name, note = row
    space = " " * (wide - width(lines) - width(name) + 2)
    return f"{paint('quiet', lines)}{printable(name)}" + (f"{space}{paint('quiet', note)}" if note else "")


def _waits(graph: Graph) -> dict[str, list[str]]:
    """Return what each task waits for; a group stands for its first tasks, or for its last."""
    members = {node.name: set(_members(node.name, graph)) for node in graph.nodes}
    pairs = [(edge.before, edge.after) for edge in graph.edges]
    backwards = [(after, before) for before, after in pairs]
    waits: dict[str, set[str]] = {node.name: set() for node in graph.nodes if not node.is_group}
    for before, after in pairs:
        for task in _without(members[after], pairs, members):
            waits[task] |= _without(members[before], backwards, members)
    return {name: [other for other in waits if other in before] for name, before in waits.items()}


def _without(inside: set[str], pairs: list[tuple[str, str]], members: dict[str, set[str]]) -> set[str]:
    """Return the tasks of a group that are second in no pair of which the first is in the group too."""
    if len(inside) == 1:
        return inside
    return inside - {task for one, other in pairs if members[one] <= inside for task in members[other]}


def _members(name: str, graph: Graph) -> list[str]:
    inside = graph.inside(name)
    return [task for node in inside for task in _members(node.name, graph)] if inside else [name]


def _homes(waits: dict[str, list[str]], graph: Graph) -> dict[str, str]:
    """Return below which task each is drawn: the last to end of those it waits for."""
    order = {name: number for number, name in enumerate(TopologicalSorter(waits).static_order())}
    return {name: max(before, key=order.__getitem__) for name, before in waits.items() if before}


def _below(root: str, waits: dict[str, list[str]], home: dict[str, str], graph: Graph) -> Iterator[Row]:
    below: dict[str, list[str]] = {name: [] for name in waits}
    for name, above in home.items():
        below[above].append(name)
    stack = _branches(root, below[root], "", waits, graph)
    while stack:
        row, name, lines = stack.pop()
        yield row
        stack += _branches(name, below[name], lines, waits, graph)


def _branches(
    name: str, children: list[str], lines: str, waits: dict[str, list[str]], graph: Graph
) -> list[tuple[Row, str, str]]:
    """Return a row for each child, the first last; with its name, and the lines that lead on below it."""
    routes = [_routes(name, child, graph) for child in children]
    labels = [", ".join(names) for names in routes]
    wide = max(map(len, labels), default=0)
    branches = []
    for child, names, label in zip(children, routes, labels, strict=True):
        last = child == children[-1]
        fork = ("└─ " if last else "├─ ") + (f"{label} {'─' * (wide - len(label) + 2)} " if wide else "")
        row = (lines + fork, child, _note(child, names, waits, graph))
        branches.append((row, child, lines + ("   " if last else "│  ")))
    return branches[::-1]


def _routes(before: str, after: str, graph: Graph) -> Sequence[str]:
    return next((edge.routes for edge in graph.edges if (edge.before, edge.after) == (before, after)), ())


def _note(name: str, routes: Sequence[str], waits: dict[str, list[str]], graph: Graph) -> str:
    bands = ", ".join(graph.bounds[route] for route in routes if route in graph.bounds)
    mapped = next(node.note for node in graph.nodes if node.name == name)
    many = f"waits for {', '.join(waits[name])}" if len(waits[name]) > 1 else ""
    return "; ".join(part for part in (bands, mapped, many) if part)
