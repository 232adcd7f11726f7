"""Which task runs before which, once groups stand for their first and last tasks, as Airflow has it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile

from driftgate.config import graph
from driftgate.config.tree import Node, Reference, Tree
from driftgate.config.words import KeyPath


class Order:
    """The order of the tasks of ``tree``; names that mean nothing, or the node itself, count for nothing."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @cached_property
    def edges(self) -> dict[tuple[str, str], KeyPath]:
        """Every pair of nodes of which the first comes before the second → the path that says so."""
        edges: dict[tuple[str, str], KeyPath] = {}
        for said in sorted(self.tree.references, key=lambda said: said.after):  # routes last
            if said.target and not self.within(said):
                pair = (said.node.id, said.target) if said.after else (said.target, said.node.id)
                edges.setdefault(pair, said.path)
        return edges

    def within(self, said: Reference) -> bool:
        """Tell whether one of the two is, or is in, the other, so that none can come first."""
        one, other = said.node, self.tree.nodes[said.target or ""]
        return one is other or one.id in self.tree.around(other) or other.id in self.tree.around(one)

    @cached_property
    def upstream(self) -> dict[str, list[str]]:
        """What is directly before each task; a group has a beginning and an end, which are no tasks."""
        upstream: dict[str, list[str]] = {}
        for task_id, node in self.tree.tasks.items():
            groups = [_begin(group) for group in self.begun_by(node) if group in self.before]
            upstream[task_id] = [*map(self._end, self.before.get(task_id, ())), *groups]
            for group in self._bounded(node, self.after):
                upstream.setdefault(_end(group), []).append(task_id)
        for group in self.tree.groups:
            upstream[_begin(group)] = [*map(self._end, self.before.get(group, ()))]
            upstream.setdefault(_end(group), [])
        return upstream

    @cached_property
    def tasks_before(self) -> dict[str, frozenset[str]]:
        """Task → the tasks directly before it, whether it, a group around it, or a group before it says so."""
        found: dict[str, frozenset[str]] = {}
        for name in self.sequence or ():
            before = self.upstream.get(name, ())
            found[name] = frozenset().union(*({one} if one in self.tree.tasks else found[one] for one in before))
        return {name: before for name, before in found.items() if name in self.tree.tasks}

    @cached_property
    def before(self) -> dict[str, list[str]]:
        """Node → the nodes that are said to be directly before it."""
        before: dict[str, list[str]] = {}
        for one, other in self.edges:
            before.setdefault(other, []).append(one)
        return before

    @cached_property
    def after(self) -> dict[str, list[str]]:
        """Node → the nodes that are said to be directly after it."""
        after: dict[str, list[str]] = {}
        for one, other in self.edges:
            after.setdefault(one, []).append(other)
        return after

    def begun_by(self, node: Node) -> list[str]:
        """Return the groups of which a task is one of the first."""
        return self._bounded(node, self.before)

    def first_tasks(self, target: str) -> set[str]:
        """Return the tasks that begin ``target``: itself, or the first ones of the group that it is."""
        if target in self.tree.tasks:
            return {target}
        return {node.id for node in self.tree.tasks.values() if target in self.begun_by(node)}

    def unchosen(self, decision: str, target: str | None) -> set[str]:
        """Return the tasks that ``decision`` skips when it leads to ``target``: all after it but those it leads to."""
        directly_after = set[str]().union(*map(self.first_tasks, self.after.get(decision, ())))
        chosen = self.first_tasks(target) if target else set()
        return directly_after - chosen - self.downstream(chosen)

    def _bounded(self, node: Node, neighbours: dict[str, list[str]]) -> list[str]:
        """Return the groups of which the task is a first one (``neighbours`` are those before) or a last one."""
        if not node.group:
            return []
        bounded = []
        deepest = self._deepest(node, neighbours)
        for group in self.tree.around(node):
            if deepest > self.tree.nodes[group].depth:
                break
            bounded.append(group)
            deepest = max(deepest, self._deepest(self.tree.nodes[group], neighbours))
        return bounded

    def _deepest(self, node: Node, neighbours: dict[str, list[str]]) -> int:
        """Return how many groups the node shares with that neighbour with which it shares most."""
        shared = (_shared(node, self.tree.nodes[other]) for other in neighbours.get(node.id, ()))
        return max(shared, default=0)

    def _end(self, node_id: str) -> str:
        return _end(node_id) if self.tree.nodes[node_id].is_group else node_id

    @cached_property
    def _directly_after(self) -> dict[str, list[str]]:
        return graph.reverse(self.upstream)

    def downstream(self, start: Iterable[str]) -> set[str]:
        """Return every task that comes, directly or not, after one of ``start``."""
        reached = graph.reachable(self._directly_after, start)
        return reached and reached & self.tree.tasks.keys()

    @cached_property
    def sequence(self) -> list[str] | None:
        """Everything in ``upstream``, each after what is before it; None if there are cycles."""
        try:
            return list(TopologicalSorter(self.upstream).static_order())
        except CycleError:
            return None

    @cached_property
    def cycles(self) -> list[tuple[list[str], KeyPath]]:
        """The tasks that wait for each other, in the order of running, and the path that closes the circle."""
        if self.sequence is not None:
            return []
        closing = {(self._end(one), _begin(other) if self.tree.nodes[other].is_group else other): path
                   for (one, other), path in self.edges.items()}  # fmt: skip
        found = []
        for cycle in graph.cycles(self.upstream, closing):
            path = closing[(cycle[-1], cycle[0])]
            tasks = [node for node in cycle if node in self.tree.tasks]
            found.append((_from_first(tasks, list(self.tree.tasks)), path))
        return found

    @cached_property
    def by_depth(self) -> list[tuple[str, str]]:
        """The edges, those deep inside groups first."""
        nodes = self.tree.nodes
        if not self.tree.groups:
            return list(self.edges)
        return sorted(self.edges, key=lambda edge: -_shared(nodes[edge[0]], nodes[edge[1]]))


def _from_first(cycle: list[str], order: list[str]) -> list[str]:
    places = {task: number for number, task in enumerate(order)}
    first = cycle.index(min(cycle, key=lambda task: places[task])) if cycle else 0
    return cycle[first:] + cycle[:first]


def _shared(one: Node, other: Node) -> int:
    pairs = zip(one.path[1:-1:2], other.path[1:-1:2], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _begin(group: str) -> str:
    return f"\0begin {group}"


def _end(group: str) -> str:
    return f"\0end {group}"
