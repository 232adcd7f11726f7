"""What is the same under another name: pipelines, tasks and groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from driftgate.plan.snapshot import Entry, Snapshot
from driftgate.plan.values import Side, equal

_ALIKE = 0.7  # share of a pipeline's own file that must be the same

Names = Mapping[str, str]  # former → new


def renamed_pipelines(gone: Mapping[str, Snapshot], new: Mapping[str, Snapshot]) -> dict[str, str]:
    """Return which pipelines only changed their dag_id: former → new. The most alike find each other first."""
    scores = [
        (-_likeness(one, other), former, name)
        for former, one in gone.items()
        for name, other in new.items()
    ]  # fmt: skip
    found: dict[str, str] = {}
    for score, former, name in sorted(scores):
        if -score >= _ALIKE and former not in found and name not in found.values():
            found[former] = name
    return found


def _likeness(one: Snapshot, other: Snapshot) -> float:
    """Return which share of the values in two files is the same; what they inherit says nothing."""
    before, after = (_leaves(_own(side), ()) for side in (one, other))
    both = sum(1 for path, value in before.items() if path in after and equal(value, after[path]))
    return both / max(len(before), len(after), 1)


def _own(side: Snapshot) -> dict[str, Any]:
    layers = side.pipeline.layers
    return {key: value for key, value in layers.documents[layers.home].data.items() if key != "dag_id"}


def _leaves(data: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    if not isinstance(data, Mapping) or not data:
        return {path: data}
    return {leaf: value for key in data for leaf, value in _leaves(data[key], (*path, key)).items()}


def renamed_entries(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> dict[str, str]:
    """Return which tasks and groups only changed their name or group: former → new."""
    names: dict[str, str] = {}
    for is_match in (_same_content, _same_place):
        gone = [entry for name, entry in before.items() if name not in after and name not in names]
        new = [entry for name, entry in after.items() if name not in before and name not in names.values()]
        for one in gone:
            matches = [other for other in new if _same_kind(one, other) and is_match(one, other, before, after, names)]
            if matches:
                best = min(matches, key=lambda other: _distance(one, other, names))
                names[one.id] = best.id
                new.remove(best)
    return {**names, **_renamed_groups(before, after, names)}


def _same_kind(one: Entry, other: Entry) -> bool:
    return not one.is_group and not other.is_group and one.operator == other.operator


def _same_content(
    one: Entry, other: Entry, before: Mapping[str, Entry], after: Mapping[str, Entry], names: Names
) -> bool:
    return equal(translated(one, names).data.value, other.data.value)


def _same_place(
    one: Entry, other: Entry, before: Mapping[str, Entry], after: Mapping[str, Entry], names: Names
) -> bool:
    """Tell whether both wait for the same, and the same waits for both: the one stands in for the other."""
    waits = translated(one, names).waits_for == other.waits_for
    one_next, other_next = _next(one.id, before), _next(other.id, after)
    return waits and bool(one.waits_for or one_next) and {names.get(name, name) for name in one_next} == other_next


def _next(name: str, entries: Mapping[str, Entry]) -> set[str]:
    return {other.id for other in entries.values() if name in other.waits_for}


def _distance(one: Entry, other: Entry, names: Names) -> tuple[bool, bool]:
    """Return how far a match is from the best: one of the same name in another group, or one in the same place."""
    last = one.id.rpartition(".")[2] == other.id.rpartition(".")[2]
    return not last, translated(one, names).waits_for != other.waits_for


def _renamed_groups(before: Mapping[str, Entry], after: Mapping[str, Entry], names: Names) -> dict[str, str]:
    """Return the groups of which every task went into one other group, under its own name."""
    found: dict[str, str] = {}
    for group in (entry for name, entry in before.items() if entry.is_group and name not in after):
        inside = [name for name in before if name.startswith(f"{group.id}.") and not before[name].is_group]
        homes = {_home(group.id, name, names.get(name, "")) for name in inside}
        home = homes.pop() if len(homes) == 1 else ""
        if home in after and home not in before and home not in found.values():
            found[group.id] = home
    return found


def _home(group: str, former: str, name: str) -> str:
    rest = former.removeprefix(group)
    return name.removesuffix(rest) if name.endswith(rest) else ""


def translated(entry: Entry, names: Names) -> Entry:
    """Return ``entry`` with the names of other tasks as they are now."""
    if not names:
        return entry
    data = Side(*(_translate(side, names) for side in entry.data))
    return Entry(entry.id, entry.path, entry.is_group, data, _all(entry.declared, names), _all(entry.waits_for, names))


def _all(ids: Iterable[str], names: Names) -> frozenset[str]:
    return frozenset(names.get(name, name) for name in ids)


def _translate(data: Any, names: Names) -> Any:
    """Return what a task says with every name of another task replaced, where such names can stand."""
    if not isinstance(data, Mapping):
        return data
    found = dict(data)
    if isinstance(data.get("routes"), Mapping):
        found["routes"] = {key: names.get(name, name) for key, name in data["routes"].items()}
    if isinstance(data.get("expand"), Mapping):
        found["expand"] = {key: _source(value, names) for key, value in data["expand"].items()}
    if "expand_kwargs" in data:
        found["expand_kwargs"] = _source(data["expand_kwargs"], names)
    return found


def _source(value: Any, names: Names) -> Any:
    if isinstance(value, Mapping) and isinstance(value.get("output_of"), str):
        return {**value, "output_of": names.get(value["output_of"], value["output_of"])}
    return value
