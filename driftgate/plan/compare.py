"""From two states of a configuration to what changed between them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from driftgate.config.model import Pipeline
from driftgate.plan import consequences, marks
from driftgate.plan.model import Change, PipelineChange
from driftgate.plan.rename import renamed_pipelines
from driftgate.plan.runs import Runs, next_runs
from driftgate.plan.settings import setting_changes
from driftgate.plan.snapshot import Snapshot, State
from driftgate.plan.tasks import task_changes

_TIMING = ("schedule", "timezone", "start_date", "end_date")


def compare(before: State, after: State, now: datetime) -> list[PipelineChange]:
    """Return what happens to each pipeline, sorted; one in which nothing changes has no changes."""
    return sorted(_pipelines(before, after, now), key=lambda change: change.dag_id)


def _pipelines(before: State, after: State, now: datetime) -> Iterator[PipelineChange]:
    gone = {name: side for name, side in before.pipelines.items() if name not in after.pipelines.keys() | after.broken}
    new = {name: side for name, side in after.pipelines.items() if name not in before.pipelines.keys() | before.broken}
    names = renamed_pipelines(gone, new)
    former = {name: old for old, name in names.items()}
    for name, side in after.pipelines.items():
        if name in before.broken:
            yield PipelineChange(name, "repaired", side.pipeline.file, after=side.pipeline)
        elif name in former or name in before.pipelines:
            yield _both(former.get(name, ""), before.pipelines[former.get(name, name)], side, now)
        else:
            yield _added(side, now)
    for name, side in gone.items():
        if name not in names:
            yield _removed(side)
    for name, file in after.broken.items():
        yield PipelineChange(name, "broken", file)
    for name, file in before.broken.items():
        if name not in after.pipelines and name not in after.broken:
            yield PipelineChange(name, "removed", file, consequences=consequences.of_removed(name))


def _added(side: Snapshot, now: datetime) -> PipelineChange:
    pipeline = side.pipeline
    return PipelineChange(
        pipeline.dag_id, "added", pipeline.file, after=pipeline, runs=(None, next_runs(pipeline, now)),
        redrawn=True, consequences=consequences.of_added(pipeline), mark=_mark_of(side, marks.TIGHTENED),
    )  # fmt: skip


def _removed(side: Snapshot) -> PipelineChange:
    pipeline = side.pipeline
    return PipelineChange(
        pipeline.dag_id, "removed", pipeline.file, before=pipeline,
        consequences=consequences.of_removed(pipeline.dag_id), mark=_mark_of(side, marks.LOOSENED),
    )  # fmt: skip


def _mark_of(side: Snapshot, way: str) -> str:
    return way if any(task.operator in marks.CHECKS for task in side.tasks.values()) else ""


def _both(former: str, before: Snapshot, after: Snapshot, now: datetime) -> PipelineChange:
    one, other = before.pipeline, after.pipeline
    changes, rewritten = setting_changes(before, after)
    tasks = task_changes(before, after)
    changes, rewritten = [*changes, *tasks.changes], [*rewritten, *tasks.rewritten]
    if not former and one.file != other.file:
        rewritten.append(Change("changed", "file", one.file, other.file, other.file))
    told = consequences.of_renamed(former, other) if former else ()
    if changes and not former:
        told = consequences.of_changed(one, other, changes)
    return PipelineChange(
        other.dag_id, "renamed" if former else "changed", other.file, former, tuple(changes), tuple(rewritten), one,
        other, _runs(one, other, changes, now), tasks.redrawn, told,
    )  # fmt: skip


def _runs(before: Pipeline, after: Pipeline, changes: list[Change], now: datetime) -> tuple[Runs | None, Runs | None]:
    if not any(change.path in _TIMING for change in changes):
        return None, None
    return next_runs(before, now), next_runs(after, now)
