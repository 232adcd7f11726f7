"""What a plan says, in words that text and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from driftgate.plan.consequences import IN_FLIGHT, VERSION
from driftgate.plan.model import Change, Deployed, EnvironmentPlan, PipelineChange, Plan
from driftgate.plan.runs import Runs
from driftgate.plan.values import MISSING
from driftgate.views.inline import inline, pair

GENERAL = (VERSION, IN_FLIGHT)  # consequences of any change, which are told once
SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": "→", "rewired": "~", "repaired": "+", "broken": "!"}
_KINDS = ("added", "removed", "renamed", "changed", "repaired", "broken")


@dataclass(frozen=True)
class Part:
    """What there is to say of one environment beyond what the first part has said."""

    environment: EnvironmentPlan
    pipelines: tuple[PipelineChange, ...]
    not_here: tuple[tuple[str, Change], ...] = ()  # dag_id and change: elsewhere, but not in this environment


def parts(plan: Plan) -> list[Part]:
    """Return the environments with what is particular to each; the first has everything."""
    first, *others = plan.environments
    return [Part(first, first.pipelines), *(_particular(first, other) for other in others)]


def _particular(first: EnvironmentPlan, other: EnvironmentPlan) -> Part:
    if other.status != "kept":
        return Part(other, other.pipelines)
    known = {change.dag_id: change for change in first.pipelines}
    here = {change.dag_id: change for change in other.pipelines}
    only = tuple(rest for change in other.pipelines if (rest := _rest(change, known.get(change.dag_id))))
    return Part(other, only, tuple(_not_here(first, here)))


def _rest(change: PipelineChange, known: PipelineChange | None) -> PipelineChange | None:
    """Return what is left of a change when the one that is ``known`` has been told; None for nothing."""
    if known is None or known.kind != change.kind or known.former != change.former:
        return change
    told = {_key(each) for each in known.changes}
    left = tuple(each for each in change.changes if _key(each) not in told)
    return replace(change, changes=left, redrawn=False, consequences=()) if left else None


def _not_here(first: EnvironmentPlan, here: dict[str, PipelineChange]) -> Iterator[tuple[str, Change]]:
    for change in first.pipelines:
        other = here.get(change.dag_id)
        if change.kind in {"changed", "renamed"} and (other is None or other.kind == change.kind):
            told = {_key(each) for each in other.changes} if other else set()
            yield from ((change.dag_id, each) for each in change.changes if _key(each) not in told)


def _key(change: Change) -> tuple[str, str, str, str]:
    return change.kind, change.path, repr(change.before), repr(change.after)


def base(plan: Plan) -> str:
    """Return what is compared with."""
    if isinstance(plan.base, Deployed):
        return f"what Airflow at {plan.base.airflow} runs"
    name = f"the merge base with {plan.base.ref}" if plan.base.merge_base else plan.base.ref
    return f"{name} ({plan.base.commit[:7]} {plan.base.subject})"


def summary(plan: Plan) -> str:
    """Return how many pipelines and which marks there are."""
    kinds, counts = plan.kinds(), {mark: plan.count(mark) for mark in ("tightened", "loosened")}
    words = [f"{kinds[kind]} {kind}" for kind in _KINDS if kinds.get(kind)]
    marked = [f"{count} {mark}" for mark, count in counts.items() if count]
    environments = [
        f"environment {part.environment} {part.status}" for part in plan.environments if part.status != "kept"
    ]
    return "; ".join(", ".join(each) for each in (words, environments, marked) if each)


def title(change: PipelineChange) -> str:
    """Return what happens to a pipeline as a whole."""
    match change.kind:
        case "renamed":
            return f"renamed from {change.former}" + (", and changed" if change.changes else "")
        case "repaired":
            return "had errors before and is valid now, so that there is nothing to compare"
        case "broken":
            return "has errors: see above; where it runs, its last good configuration goes on"
        case _:
            return change.kind


def where(change: Change, file: str) -> str:
    """Return where a change is written; of the pipeline's own file only the line."""
    if change.place == "default":
        return "a default"
    place = change.place.removeprefix(f"{file}:")
    was = "was " if change.after is MISSING else ""
    return f"{was}line {place}" if place != change.place else f"{was}{place}"


def values(change: Change) -> tuple[str, str]:
    """Return before and after as people read them."""
    if change.kind == "rewired":
        one, other = (", ".join(side) or "nothing" for side in (change.before, change.after))
        return f"waits for {one}", other
    if change.kind == "renamed":
        return str(change.before), str(change.after)
    return pair(change.before, change.after)


def sentence(change: Change) -> str:
    """Return a change on a line."""
    before, after = values(change)
    if change.kind == "renamed":
        return f"{change.path}: renamed from {before}"
    if before == after:
        return f"{change.path}: {after}, {change.note}"
    if change.after is MISSING:
        return f"{change.path}: {inline(change.before)}"
    return f"{change.path}: {after}" if change.before is MISSING else f"{change.path}: {before} → {after}"


def timetable(runs: Runs) -> list[str]:
    """Return the next runs, or in words when they are."""
    shown = [moment(time) for time in runs.times]
    if runs.words.startswith("cron "):
        _, _, others = runs.words.partition(", and ")
        return [*(shown or ["no more: end_date has passed"]), *([f"and {others}"] if others else [])]
    return [runs.words]


def moment(time: datetime) -> str:
    """Return a time with its weekday and the offset of that day."""
    return time.strftime("%a %Y-%m-%d %H:%M %Z")


def consequences(changes: Sequence[PipelineChange]) -> list[str]:
    """Return what follows from a change of any pipeline, once."""
    return [words for words in GENERAL if any(words in change.consequences for change in changes)]
