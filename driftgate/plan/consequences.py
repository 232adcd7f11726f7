"""What follows from a change once it is merged, in words. What is said of Airflow holds for 3.3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from driftgate.config.model import Pipeline
from driftgate.config.words import listing
from driftgate.plan.model import Change

VERSION = (
    "Airflow makes a new version of each DAG whose configuration changes, unless the present one has never run; "
    "connections are no part of it."
)
IN_FLIGHT = (
    "Runs in flight end on the version they began with if the bundle has versions (GitDagBundle); "
    "from a plain folder, their tasks that have not started take the new one."
)
_SHOWN = "instances and logs stay in the database, and the grid shows them as long as it shows a run that had them"
_UNSEEN = ("description", "dag_display_name", "tags", "owner")  # nothing runs differently for these


def of_added(pipeline: Pipeline) -> tuple[str, ...]:
    """Return what follows from a new pipeline."""
    return (_first_state(pipeline), *_catching_up(pipeline))


def of_removed(dag_id: str) -> tuple[str, ...]:
    """Return what follows from the end of a pipeline."""
    return (
        f"{dag_id} is scheduled no more and leaves the list of DAGs; its runs, logs and versions stay in the database.",
        "Runs in flight cannot start another task, unless the bundle has versions (GitDagBundle): end them first.",
    )


def of_renamed(former: str, pipeline: Pipeline) -> tuple[str, ...]:
    """Return what follows from another dag_id: to Airflow it is another DAG."""
    return (
        f"To Airflow this is a new DAG: runs, logs and history stay with {former}, which is scheduled no more.",
        f"What {former} remembers is not carried over: cooldowns begin anew, depends_on_past finds no run before.",
        f"Whatever names {former} from outside (airflow dags trigger, the REST API, dashboards) must be changed too.",
        _first_state(pipeline),
        *_catching_up(pipeline),
    )


def of_changed(before: Pipeline, after: Pipeline, changes: Sequence[Change]) -> tuple[str, ...]:
    """Return what follows from the changes of a pipeline that keeps its dag_id."""
    return tuple(dict.fromkeys([*_of_tasks(changes), *_of_settings(before, after, changes), VERSION, IN_FLIGHT]))


def _first_state(pipeline: Pipeline) -> str:
    if pipeline.is_paused_upon_creation is None:
        return "Airflow shows it paused, unless dags_are_paused_at_creation is off in its configuration."
    return (
        "Airflow shows it paused." if pipeline.is_paused_upon_creation else "It runs at once: it does not begin paused."
    )


def _of_tasks(changes: Sequence[Change]) -> Iterator[str]:
    gone = [change.entry for change in changes if change.kind == "removed" and change.entry]
    if gone:
        yield f"Past runs of {listing(gone, 'and')} are kept: {_SHOWN}."
    renamed = [change for change in changes if change.kind == "renamed"]
    if renamed:
        names = listing([change.entry for change in renamed], "and")
        yield f"To Airflow a renamed task is a new one, without history. Of {names} {_SHOWN}."
    new = [change.entry for change in changes if change.kind == "added" and change.entry]
    if new:
        yield f"Runs that have ended get no {listing(new, 'or')}; the grid shows an empty square there."


def _of_settings(before: Pipeline, after: Pipeline, changes: Sequence[Change]) -> Iterator[str]:
    paths = {change.path for change in changes}
    if "schedule" in paths and after.schedule is None:
        yield "It runs no more by itself, only when somebody or another pipeline starts it."
    if "schedule" in paths and before.schedule is None:
        yield "It now runs by itself, if it is not paused."
    if isinstance(after.schedule, timedelta) and "schedule" in paths:
        yield "The interval counts from the last scheduled run, not from a full hour or midnight."
    if paths & {"catchup", "start_date"}:
        yield from _catching_up(after)
    if "is_paused_upon_creation" in paths:
        yield "is_paused_upon_creation counts only when Airflow first sees a DAG; this one stays as it is."
    if "model.name" in paths:
        yield "The model gets a registry entry of its own; nothing is in production there before a run promotes it."
    if any(path.startswith(("psi.", "gates.")) for path in paths):
        yield "It counts from the next run on; what was decided before stays."


def _catching_up(pipeline: Pipeline) -> tuple[str, ...]:
    if not pipeline.catchup or pipeline.schedule is None:
        return ()
    since = pipeline.start_date.strftime("%Y-%m-%d %H:%M")
    return (f"catchup is on: Airflow makes up for every run that was missed since {since}.",)
