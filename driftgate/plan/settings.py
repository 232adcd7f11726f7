"""What changes in a pipeline beside its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from driftgate.config import schemas
from driftgate.config.model import AssetSchedule, Condition
from driftgate.config.params import as_param
from driftgate.config.words import KeyPath, dotted
from driftgate.plan import marks
from driftgate.plan.model import Change
from driftgate.plan.runs import same_times
from driftgate.plan.snapshot import Snapshot
from driftgate.plan.values import MISSING, Difference, Side, differences, equal, without_common_defaults

_BANDS = ("minor", "moderate", "critical")
# looked into even where one side has none
_INSIDE = (("params",), ("psi", "features"), ("quality", "columns"), ("alerts", "channels"))


def setting_changes(before: Snapshot, after: Snapshot) -> tuple[list[Change], list[Change]]:
    """Return what changes in the settings and sections, and what is only written differently."""
    changes: list[Change] = []
    rewritten: list[Change] = []
    sides = _params_alike(before.settings, after.settings)
    for found in differences(*sides, schemas.envelope(), (), whole=_is_whole, opened=_is_opened):
        change = _change(found, before, after, sides)
        (rewritten if found.same or _means_the_same(found, before, after) else changes).append(change)
    return changes, rewritten


def _is_whole(path: KeyPath) -> bool:
    return path == ("schedule",) or (path[:1] == ("gates",) and len(path) == 2)


def _is_opened(path: KeyPath) -> bool:
    return path in _INSIDE or (len(path) == 1 and path[0] in schemas.sections())


def _params_alike(one: Side, other: Side) -> tuple[Side, Side]:
    """Return both with params written in the same way where one is plain and the other a mapping."""
    before, after = one.value["params"], other.value["params"]
    mixed = {name for name in before.keys() & after.keys() if _is_map(before[name]) != _is_map(after[name])}
    if not mixed:
        return one, other
    return _spelled_out(one, mixed), _spelled_out(other, mixed)


def _spelled_out(side: Side, names: set[str]) -> Side:
    params = {name: as_param(value) if name in names else value for name, value in side.value["params"].items()}
    return Side({**side.value, "params": params}, side.written)


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _means_the_same(found: Difference, before: Snapshot, after: Snapshot) -> bool:
    one, other = before.pipeline, after.pipeline
    match found.path:
        case ("schedule",):
            if isinstance(one.schedule, str) and isinstance(other.schedule, str):
                return same_times(one.schedule, other.schedule)
            return bool(_unordered(one.schedule) == _unordered(other.schedule))
        case ("start_date",):
            return one.start_date == other.start_date
        case ("end_date",):
            return one.end_date == other.end_date
    return MISSING in (found.before, found.after) and equal(*_compared(found, before, after))


def _unordered(schedule: Any) -> Any:
    """Return a schedule so that the order of its assets does not count."""
    if not isinstance(schedule, AssetSchedule):
        return schedule
    return schedule.cron, _sorted(schedule.condition)


def _sorted(condition: Condition) -> Condition:
    kind, of = condition
    return condition if kind == "asset" else (kind, tuple(sorted(map(_sorted, of), key=repr)))


def _change(found: Difference, before: Snapshot, after: Snapshot, sides: tuple[Side, Side]) -> Change:
    kind = found.kind
    place = before.place(found.path) if kind == "removed" else after.place(found.path)
    way, note = marks.mark(found.path, *_compared(found, before, after))
    shown = without_common_defaults(*(reduce(Side.get, found.path, side) for side in sides))
    return Change(kind, dotted(found.path), *shown, place, way, note)


def _compared(found: Difference, before: Snapshot, after: Snapshot) -> tuple[Any, Any]:
    """Return the two values as they count: what is not said for one column or feature is what is said for all."""
    if found.path == ("psi", "share") and any(side.setting("psi", "aggregate") != "share" for side in (before, after)):
        return MISSING, MISSING
    return _counted(found.path, found.before, before), _counted(found.path, found.after, after)


def _counted(path: KeyPath, value: Any, side: Snapshot) -> Any:
    match path:
        case ("quality", "columns", _, "max_missing_share") if value is MISSING:
            return side.setting("quality", "max_missing_share")
        case ("psi", "features", _):
            own = {} if value is MISSING else value
            return {name: own.get(name, side.setting("psi", name)) for name in _BANDS}
        case ("psi", "features", _, name) if value is MISSING:
            return side.setting("psi", str(name))
        case ("alerts", "on_refused") if value is MISSING:
            return side.told_of_drift
    return value
