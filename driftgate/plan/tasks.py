"""What changes in the tasks of one pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from driftgate.config import schemas
from driftgate.config.conform import Schema
from driftgate.config.words import KeyPath, dotted, listing
from driftgate.plan import marks
from driftgate.plan.model import Change
from driftgate.plan.rename import renamed_entries, translated
from driftgate.plan.snapshot import Entry, Snapshot, shown
from driftgate.plan.values import MISSING, Difference, Side, differences, equal, kind

_HOLDING = ("approval", "check_data_freshness", "evaluate_model", "validate_data_quality")  # they stop what follows


@dataclass
class TaskChanges:
    """What changes in the tasks, and what is only written differently."""

    changes: list[Change] = field(default_factory=list)
    rewritten: list[Change] = field(default_factory=list)

    @property
    def redrawn(self) -> bool:
        """Whether the graph looks different."""
        return any(change.entry or change.kind == "rewired" or ".routes." in change.path for change in self.changes)


def task_changes(before: Snapshot, after: Snapshot) -> TaskChanges:
    """Return what changes in the tasks and groups of a pipeline."""
    return _Comparison(before, after).run()


class _Comparison:
    """Two states of the tasks of one pipeline."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.before, self.after = before, after
        self.names = renamed_entries(before.entries, after.entries)  # former → new
        self.former = {new: former for former, new in self.names.items()}
        self.found = TaskChanges()
        self.guarded: dict[bool, dict[str, set[str]]] = {}

    def run(self) -> TaskChanges:
        for name, entry in self.after.entries.items():
            former = self.former.get(name, name)
            if former in self.before.entries:
                self._both(self.before.entries[former], entry)
            else:
                way, note = marks.mark_check("", entry.operator)
                self._add("added", entry.path, MISSING, shown(entry), way, note, entry=name)
        for name, entry in self.before.entries.items():
            if self.names.get(name, name) not in self.after.entries:
                way, note = marks.mark_check(entry.operator, "")
                place = self.before.place(entry.path)
                self._note(Change("removed", dotted(entry.path), shown(entry), MISSING, place, way, note, name))
        return self.found

    def _both(self, one: Entry, other: Entry) -> None:
        if one.id != other.id:
            self._add("renamed", other.path, one.id, other.id, entry=one.id)
        one = translated(one, self.names)
        self._wiring(one, other)
        sides, schema = _comparable(one, other)
        for difference in differences(*sides, schema, (), whole=_never, opened=lambda path: path == ("alerts",)):
            self._difference(difference, one, other)

    def _wiring(self, one: Entry, other: Entry) -> None:
        if one.declared == other.declared:
            return
        path, sides = (*other.path, "depends_on"), (sorted(one.declared), sorted(other.declared))
        if one.waits_for == other.waits_for or self._comes_after_the_same(other):
            self._rewrite(path, *sides)
            return
        self._add("rewired", path, *sides, *self._guard(other))

    def _comes_after_the_same(self, entry: Entry) -> bool:
        """Tell whether the tasks before a task, or before those in a group, are as before the edit."""
        inside = _inside(entry.id, self.after)
        return all(self._tasks_before(name) == self.after.order.tasks_before[name] for name in inside)

    def _tasks_before(self, name: str) -> frozenset[str] | None:
        """Return the tasks that were before what is now ``name``, as they are called now; None if it is new."""
        found = self.before.order.tasks_before.get(self.former.get(name, name))
        return None if found is None else frozenset(self.names.get(task, task) for task in found)

    def _guard(self, entry: Entry) -> tuple[str, str]:
        """Return how it is marked that another set of checks comes before a task."""
        after = self._checks_before(entry.id, self.after, earlier=False)
        former = self.former.get(entry.id, entry.id)
        before = {self.names.get(name, name) for name in self._checks_before(former, self.before, earlier=True)}
        lost = {name for name in before - after if name in self.after.entries}
        gained = {name for name in after - before if name in self.before.entries or name in self.former}
        if lost:
            return marks.LOOSENED, f"it no longer comes after {listing(sorted(lost), 'and')}"
        return (marks.TIGHTENED, f"it now comes after {listing(sorted(gained), 'and')}") if gained else ("", "")

    def _checks_before(self, name: str, side: Snapshot, *, earlier: bool) -> set[str]:
        if earlier not in self.guarded:
            checks = [task.id for task in side.tasks.values() if task.operator in _HOLDING]
            self.guarded[earlier] = {check: side.order.downstream([check]) for check in checks}
        inside = _inside(name, side)
        return {check for check, after in self.guarded[earlier].items() if inside & after}

    def _difference(self, found: Difference, one: Entry, other: Entry) -> None:
        path = (*other.path, *found.path)
        inherited = _inherited(found.path)
        before, after = found.before, found.after
        note = ""
        if inherited and MISSING in (before, after):
            below, above = (_pipelines(side, inherited) for side in (self.before, self.after))
            note = "until now the pipeline's" if before is MISSING else "from now on the pipeline's"
            before, after = (below if before is MISSING else before), (above if after is MISSING else after)
            if equal(before, after) and equal(below, above):
                self._rewrite(path, before, after, note)
                return
            note = note if MISSING not in (before, after) else ""
        if found.same:
            self._rewrite(path, before, after)
            return
        way, meaning = self._mark(found.path, before, after, one, other)
        place = self._place(found, one, other, inherited)
        self._add(kind(before, after), path, before, after, way, meaning or note, place=place)

    def _place(self, found: Difference, one: Entry, other: Entry, inherited: KeyPath) -> str:
        """Return where the value is written now: in the task, or where the pipeline says it for all; or was."""
        if found.after is not MISSING:
            return self.after.place((*other.path, *found.path))
        if inherited and self.after.setting(*map(str, inherited)) is not MISSING:
            return self.after.place(inherited)
        return self.before.place((*one.path, *found.path))

    def _mark(self, path: KeyPath, before: Any, after: Any, one: Entry, other: Entry) -> tuple[str, str]:
        if path == ("operator",):
            return marks.mark_operator(before, after)
        if other.operator == "decide_action" and path[:1] == ("routes",):
            before, after = self._operator(before, self.before), self._operator(after, self.after)
        return marks.mark_task(other.operator, path, before, after)

    def _operator(self, name: Any, side: Snapshot) -> str:
        """Return what the task called ``name`` (as it is called after the edit) runs."""
        own = self.former.get(name, name) if side is self.before else name
        entry = side.entries.get(own)
        return entry.operator if entry else ""

    def _add(self, kind: Any, path: KeyPath, before: Any, after: Any, way: str = "", note: str = "", *,
             place: str = "", entry: str = "") -> None:  # fmt: skip
        self._note(Change(kind, dotted(path), before, after, place or self.after.place(path), way, note, entry))

    def _note(self, change: Change) -> None:
        self.found.changes.append(change)

    def _rewrite(self, path: KeyPath, before: Any, after: Any, note: str = "") -> None:
        self.found.rewritten.append(Change("changed", dotted(path), before, after, self.after.place(path), note=note))


def _inside(name: str, side: Snapshot) -> set[str]:
    """Return the tasks that are, or are in, the task or group called ``name``."""
    return {task for task in side.tasks if task == name or task.startswith(f"{name}.")}


def _comparable(one: Entry, other: Entry) -> tuple[tuple[Side, Side], Schema]:
    """Return two entries so that what follows from another operator, or from another expansion, is not told."""
    schema = schemas.group() if other.is_group else schemas.task(other.operator)
    sides = one.data, other.data
    if one.operator != other.operator or any(
        _expansion(side, key) for side in sides for key in ("expand", "expand_kwargs")
    ):
        sides = Side(one.data.written, one.data.written), Side(other.data.written, other.data.written)
    return sides, schema


def _expansion(side: Side, key: str) -> bool:
    return side.written is not MISSING and key in side.written


def _inherited(path: KeyPath) -> KeyPath:
    """Return where the pipeline says what a task does not say itself; nothing if nowhere."""
    if path[:1] == ("alerts",) and len(path) == 2 and path[1] in schemas.alert_events():
        return path
    return path if len(path) == 1 and path[0] in schemas.common_settings() else ()


def _pipelines(side: Snapshot, path: KeyPath) -> Any:
    """Return what counts for a task that says nothing at ``path``."""
    value = side.setting(*map(str, path))
    return side.told_of_drift if value is MISSING and path[-1] == "on_refused" else value


def _never(path: KeyPath) -> bool:
    return False
