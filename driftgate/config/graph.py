"""The graph of a pipeline's tasks, as sets of ids: what comes before what."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

Upstream = Mapping[str, Iterable[str]]  # task → the tasks directly before it

_MOST_CYCLES = 20


def cycles(upstream: Upstream, breakable: Container[tuple[str, str]] | None = None) -> list[list[str]]:
    """Return cycles in the order in which the tasks would run, each beginning with its first in ``upstream``.

    Not all of them: breaking each one between its last task and its first leaves no cycle (unless there are very
    many). If only some edges are ``breakable``, a cycle begins with the next task that comes after such an edge.
    """
    graph = {task: dict.fromkeys(before) for task, before in upstream.items()}
    order = {task: number for number, task in enumerate(graph)}
    found: list[list[str]] = []
    while len(found) < _MOST_CYCLES and (cycle := _cycle(graph)):
        first = cycle.index(min(cycle, key=lambda task: order[task]))
        cycle = cycle[first:] + cycle[:first]
        while breakable is not None and (cycle[-1], cycle[0]) not in breakable:
            cycle = cycle[-1:] + cycle[:-1]
        del graph[cycle[0]][cycle[-1]]
        found.append(cycle)
    return found


def _cycle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1][:-1])
    return []


def reverse(upstream: Upstream) -> dict[str, list[str]]:
    """Return the tasks directly after each task."""
    after: dict[str, list[str]] = {}
    for task, before in upstream.items():
        for other in before:
            after.setdefault(other, []).append(task)
    return after


def reachable(after: Mapping[str, Iterable[str]], start: Iterable[str]) -> set[str]:
    """Return every task that comes, directly or not, after one of ``start``, given those directly after each."""
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        new = [task for task in after.get(waiting.pop(), ()) if task not in reached]
        reached.update(new)
        waiting.extend(new)
    return reached
