"""The plan of a configuration in a git working tree."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from driftgate.config import schemas
from driftgate.config.load import find_environments
from driftgate.config.words import suggest
from driftgate.errors import UserMistake
from driftgate.plan.compare import compare
from driftgate.plan.model import EnvironmentPlan, PipelineChange, Plan
from driftgate.plan.repository import Base, BaseUnreadable, Repository
from driftgate.plan.snapshot import State, read

# What reading may raise when the schemas are of another version of Driftgate than the code.
_ALIEN = (AttributeError, KeyError, OSError, TypeError, ValueError)


class UnknownEnvironment(UserMistake):
    """There is no such environment, neither before nor after the edit."""


def make_plan(directory: Path, ref: str | None, environments: Sequence[str] | None, now: datetime) -> Plan:
    """Return what changes in the configuration in ``directory`` since ``ref`` (default: the main branch).

    ``environments`` are those to look at ("" for none; default: none, and every one that there is or was). Raises
    BaseUnreadable when there is nothing to compare with, UnknownEnvironment for one that is on neither side.
    """
    repository = Repository(directory)
    base = repository.base(ref)
    with tempfile.TemporaryDirectory(prefix="driftgate-plan-") as folder:
        former = _export(repository, base, directory, Path(folder))
        known = [set(find_environments(side)) for side in (former, directory)]
        names = ["", *sorted(known[0] | known[1])] if environments is None else list(environments)
        _check_known(names, known[0] | known[1])
        before, notes = _former(former, ["", *known[0] & {*names}], repository, base)
        after = {name: read(directory, name) for name in ["", *known[1] & {*names}]}
    parts = (in_environment(name, before.get(name), after.get(name), after[""], now) for name in names)
    return Plan(base, now, tuple(parts), tuple(notes))


def _export(repository: Repository, base: Base, directory: Path, folder: Path) -> Path:
    """Return a folder with the configuration as it was at ``base``."""
    former = folder / directory.name
    if not repository.export(base, directory, former):
        where = f"{base.ref} ({base.commit[:7]})"
        raise BaseUnreadable(
            f"there is no {directory.name}/ at {where} to compare with; name another commit with --base"
        )
    return former


def _check_known(names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name and name not in (options := sorted(known)):
            hint = suggest(name, options, f"there are {', '.join(options)}" if options else "there are none yet")
            raise UnknownEnvironment(f"there is no environment '{name}', neither before nor now; {hint}")


def _former(
    former: Path, names: Sequence[str], repository: Repository, base: Base
) -> tuple[dict[str, State], list[str]]:
    """Return what the configuration was, with the defaults of that time, and what there is to say about it."""

    def states() -> dict[str, State]:
        return {name: read(former, name) for name in names}

    folder = former.parent / "schemas-of-base"
    if not (repository.contains(schemas.schema_dir()) and repository.export(base, schemas.schema_dir(), folder)):
        return states(), []
    if _files(folder) == _files(schemas.schema_dir()):
        return states(), []
    try:
        with schemas.using(folder):
            return states(), []
    except _ALIEN:
        words = f"the schemas at {base.ref} are of another version of Driftgate: both sides have the defaults of today"
        return states(), [words]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.json"))}


def in_environment(
    name: str, before: State | None, after: State | None, plain: State, now: datetime
) -> EnvironmentPlan:
    """Return what happens in one environment; ``plain`` stands for what was before where there was none."""
    if after is None:
        return EnvironmentPlan(name, (), status="removed")
    changes = compare(plain if before is None else before, after, now)
    different = tuple(change for change in changes if not _is_unchanged(change))
    rewritten = tuple(each for change in changes if _is_unchanged(change) for each in change.rewritten)
    return EnvironmentPlan(name, different, rewritten, after.errors, "added" if before is None else "kept")


def _is_unchanged(change: PipelineChange) -> bool:
    return change.kind == "changed" and not change.changes
