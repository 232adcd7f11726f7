"""What can become of each task, by Airflow's trigger rules: may it run, fail, be skipped?

Every task is judged by what may become of the tasks directly before it, in any combination. That allows a little
more than can really happen, so a task that cannot run by this reckoning cannot run at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from driftgate.config.order import Order
from driftgate.config.tree import Node

States = frozenset[str]
Before = Iterable[States]  # the possible states of each task directly before; order and number play no part

_FAILED = frozenset({"failed", "upstream_failed"})
_SKIPPED = frozenset({"skipped"})
_SUCCESS = frozenset({"success"})
_MAY_SKIP = ("trigger_retraining",)


def _every(before: Before, *wanted: str) -> bool:
    return all(not states.isdisjoint(wanted) for states in before)


def _some(before: Before, *wanted: str) -> bool:
    return any(not states.isdisjoint(wanted) for states in before)


# trigger rule → whether a task may run
_MAY_RUN: dict[str, Callable[[Before], bool]] = {
    "all_done": lambda before: True,
    "all_done_min_one_success": lambda before: _every(before, "success", *_FAILED) and _some(before, "success"),
    "all_done_setup_success": lambda before: True,
    "all_failed": lambda before: _every(before, *_FAILED),
    "all_skipped": lambda before: _every(before, "skipped"),
    "all_success": lambda before: _every(before, "success"),
    "always": lambda before: True,
    "none_failed": lambda before: _every(before, "success", "skipped"),
    "none_failed_min_one_success": lambda before: _every(before, "success", "skipped") and _some(before, "success"),
    "none_skipped": lambda before: _every(before, "success", *_FAILED),
    "one_done": lambda before: _some(before, "success", "failed"),
    "one_failed": lambda before: _some(before, *_FAILED),
    "one_success": lambda before: _some(before, "success"),
}
_UNAFFECTED_BY_FAILURE = frozenset({"all_failed", "all_skipped", "none_skipped", "one_done", "one_failed"})


def may_run(rule: str, before: Before) -> bool:
    """Tell whether a task with this trigger rule may run."""
    return not before or _MAY_RUN.get(rule, _MAY_RUN["all_success"])(before)


def _if_not_run(rule: str, before: Before) -> States:
    """Return what becomes of a task that does not run."""
    if rule in _UNAFFECTED_BY_FAILURE:
        return _SKIPPED
    failed = frozenset({"upstream_failed"}) if _some(before, *_FAILED) else frozenset()
    surely_failed = any(states <= _FAILED for states in before)
    return failed if surely_failed else failed | (_SKIPPED if _some(before, "skipped") else frozenset())


class Outcomes:
    """What may become of each task of ``order``, whose ``sequence`` is known."""

    def __init__(self, order: Order, sequence: Sequence[str], rule: Callable[[Node], str]) -> None:
        self.order = order
        self.sequence = sequence
        self.rule = rule
        self.chosen = self._chosen()

    def of(self, forced: Mapping[str, States] | None = None) -> tuple[dict[str, States], set[str]]:
        """Return the possible states of each task, and the tasks that may run; ``forced`` are decided beforehand."""
        forced = forced or {}
        states: dict[str, States] = {}
        before: dict[str, frozenset[States]] = {}
        running: set[str] = set()
        for name in self.sequence:
            before[name] = frozenset(self._before(name, states, before))
            node = self.order.tree.tasks.get(name)
            if node is None:
                continue
            if name in forced:
                states[name] = forced[name]
                continue
            states[name], runs = self._states(node, before[name])
            if runs:
                running.add(name)
        return states, running

    def follow(self, run: Callable[[str], Iterable[str]]) -> dict[str, str]:
        """Return what becomes of each task, ``success`` or ``skipped``, where nothing fails.

        ``run`` is called for each task that runs, in their order, and returns the tasks that it skips: those that a
        decision does not lead to, or itself.
        """
        skipped: set[str] = set()
        states: dict[str, States] = {}
        before: dict[str, frozenset[States]] = {}
        for name in self.sequence:
            before[name] = frozenset(self._before(name, states, before))
            node = self.order.tree.tasks.get(name)
            if node is None:
                continue
            if name not in skipped and may_run(self.rule(node), before[name]):
                skipped.update(run(name))
            else:
                skipped.add(name)
            states[name] = _SKIPPED if name in skipped else _SUCCESS
        return {name: next(iter(state)) for name, state in states.items()}

    def _chosen(self) -> set[str]:
        """Return what comes directly after a task that chooses what is skipped."""
        tasks, chosen = self.order.tree.tasks, set()
        for name in self.sequence:
            before = self.order.upstream.get(name, ())
            if any(_chooses(tasks[other]) if other in tasks else other in chosen for other in before):
                chosen.add(name)
        return chosen

    def _before(
        self, name: str, states: Mapping[str, States], before: Mapping[str, frozenset[States]]
    ) -> Iterable[States]:
        for other in self.order.upstream.get(name, ()):
            if other in states:
                yield states[other]
            else:
                yield from before[other]

    def _states(self, node: Node, before: frozenset[States]) -> tuple[States, bool]:
        return _outcome(self.rule(node), before, may_skip=_may_skip_itself(node), chosen=node.id in self.chosen)


@lru_cache(maxsize=1_000)  # tasks differ in little else
def _outcome(rule: str, before: frozenset[States], *, may_skip: bool, chosen: bool) -> tuple[States, bool]:
    """Return what may become of a task, and whether it may run."""
    runs = may_run(rule, before)
    states = _if_not_run(rule, before)
    if runs:
        states |= {"success", "failed"}
    if chosen or (runs and may_skip):
        states |= _SKIPPED
    return states, runs


def _may_skip_itself(node: Node) -> bool:
    foreign = "." in node.operator or not node.operator
    return foreign or node.operator in _MAY_SKIP or "expand" in node.data or "expand_kwargs" in node.data


def _chooses(node: Node) -> bool:
    """Tell whether a task may skip the ones directly after it."""
    return node.operator == "decide_action" or "." in node.operator or not node.operator
