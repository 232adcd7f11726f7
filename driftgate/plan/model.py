"""The plan as data: what an edit changes, and what follows from it. Drawing it is another matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from driftgate.config.model import Pipeline
from driftgate.errors import Problem
from driftgate.plan.repository import Base
from driftgate.plan.runs import Runs

ChangeKind = Literal["added", "removed", "changed", "renamed", "rewired"]
PipelineKind = Literal["added", "removed", "renamed", "changed", "repaired", "broken", "unreadable"]


@dataclass(frozen=True)
class Change:
    """One thing that is different. ``before`` and ``after`` are MISSING where there is nothing."""

    kind: ChangeKind
    path: str  # dotted, as the file has it after the edit; of what is removed, before
    before: Any  # of a renamed task its names; of a rewired one the tasks that it waits for
    after: Any
    place: str  # file:line where it is written now, or was; "default" where nobody wrote it
    mark: str = ""  # tightened or loosened
    note: str = ""  # what that means, in a few words
    entry: str = ""  # of a task or group that comes, goes or is renamed: its id (before, if it has one)


@dataclass(frozen=True)
class PipelineChange:
    """What happens to one pipeline."""

    dag_id: str
    kind: PipelineKind
    file: str
    former: str = ""  # the dag_id that a renamed pipeline had
    changes: tuple[Change, ...] = ()
    rewritten: tuple[Change, ...] = ()  # written differently, and means the same
    before: Pipeline | None = None  # None: it was not there, or had errors
    after: Pipeline | None = None
    runs: tuple[Runs | None, Runs | None] = (None, None)  # before and after, where the plan is to tell of them
    redrawn: bool = False  # whether its graph looks different
    consequences: tuple[str, ...] = ()
    mark: str = ""  # of a pipeline that is added or removed with the checks in it

    @property
    def marks(self) -> list[str]:
        """The marks of the pipeline and everything that changed in it."""
        return [mark for mark in (self.mark, *(change.mark for change in self.changes)) if mark]


@dataclass(frozen=True)
class EnvironmentPlan:
    """What happens in one environment ("" for none)."""

    environment: str
    pipelines: tuple[PipelineChange, ...]  # those that are different, sorted by dag_id
    rewritten: tuple[Change, ...] = ()  # in pipelines that are not different
    errors: tuple[Problem, ...] = ()  # of the working tree
    status: Literal["kept", "added", "removed"] = "kept"


@dataclass(frozen=True)
class Deployed:
    """The Airflow that is compared with."""

    airflow: str  # its URL
    environment: str  # that its pipelines run in, "" for none
    version: str  # of the Driftgate that built them


@dataclass(frozen=True)
class Plan:
    """What an edit changes."""

    base: Base | Deployed
    now: datetime
    environments: tuple[EnvironmentPlan, ...]  # without an environment first
    notes: tuple[str, ...] = field(default=())

    @property
    def valid(self) -> bool:
        """Whether the working tree has no errors."""
        return not any(part.errors for part in self.environments)

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not any(part.pipelines or part.status != "kept" for part in self.environments)

    def all(self) -> Iterator[PipelineChange]:
        """Return every change of a pipeline in any environment."""
        for part in self.environments:
            yield from part.pipelines

    def count(self, mark: str) -> int:
        """Return how many changes are marked so, each counted once, however many environments it is in."""
        found = {
            (pipeline.dag_id, change.path, repr(change.before), repr(change.after))
            for pipeline in self.all()
            for change in pipeline.changes
            if change.mark == mark
        }
        return len(found) + len({pipeline.dag_id for pipeline in self.all() if pipeline.mark == mark})

    def kinds(self) -> Mapping[str, int]:
        """Return how many pipelines are added, removed, and so on."""
        found: dict[str, set[str]] = {}
        for pipeline in self.all():
            found.setdefault(pipeline.kind, set()).add(pipeline.dag_id)
        return {kind: len(names) for kind, names in found.items()}
