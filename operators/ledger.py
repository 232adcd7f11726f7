"""Keep what tasks decide in the ledger. No task fails for that: what cannot be kept is a line in its log."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from driftgate.errors import DriftgateError, without_password
from driftgate.services.patience import within
from operators.connections import tracking_uri
from operators.places import nowhere, place

if TYPE_CHECKING:
    from airflow.sdk import Context

    from driftgate.config.model import Pipeline
    from driftgate.services.ledger import Entry, Ledger


log = logging.getLogger(__name__)

Limits = Mapping[tuple[str | int, ...], Any]  # where in the pipeline a threshold stands → its value
_PATIENCE = 20.0  # seconds that a task waits for the ledger
_GIT = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")


class DecisionLink(BaseOperatorLink):
    """The way from a task in Airflow to what it decided, in MLflow."""

    name = "Decision"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address of the entry that this try of the task has made; "" if it made none."""
        return str(getattr(operator, "decision_url", ""))


def link_to_decision(context: Context, operator: Any) -> None:
    """Link to what was decided after Airflow has made its links: in a callback."""
    try:
        context["ti"].xcom_push(key=DecisionLink().xcom_key, value=DecisionLink().get_link(operator, ti_key=None))
    except Exception as error:  # no XComs where Airflow runs a callback for a worker that died
        operator.log.warning("There is no link to the decision: %s", type(error).__name__)


def record(
    context: Context,
    operator: Any,
    kind: str,
    outcome: str,
    reason: str,
    inputs: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    *,
    again: bool = False,
) -> None:
    """Write a decision of the task ``operator`` into the ledger of its pipeline.

    ``again``: it follows from having been decided before, so that an entry which is there already says more.
    """
    pipeline: Pipeline | None = getattr(context.get("dag"), "pipeline", None)
    if pipeline is None or not pipeline.sections["ledger"]["enabled"]:  # None: not built from a file
        return
    try:
        ledger, entry = _entry(context, pipeline, kind, outcome, reason, inputs or {}, limits or {})

        def keep() -> None:
            operator.decision_url = ledger.write(entry, again=again).url

        within(_PATIENCE, keep)
    except Exception as error:  # keeping books must not stop what they are about
        told = str(error) if isinstance(error, DriftgateError) else without_password(f"{type(error).__name__}: {error}")
        operator.log.warning("The ledger did not take this decision: %s", told)


def decided(context: Context, task_id: str, kind: str) -> list[Entry]:
    """Return what the ledger has of decisions of this ``kind`` by a task in this run; nothing if it does not answer."""
    from driftgate.services.ledger import Ledger

    pipeline: Pipeline | None = getattr(context.get("dag"), "pipeline", None)
    if pipeline is None or not pipeline.sections["ledger"]["enabled"]:
        return []
    ti = context["ti"]
    try:
        ledger = Ledger(tracking_uri(pipeline.sections["ledger"]["connection"]))
        found = within(_PATIENCE, lambda: ledger.entries(pipeline=ti.dag_id, run=ti.run_id, kind=kind))
    except Exception as error:
        log.warning("The ledger does not say what it knows: %s", type(error).__name__)
        return []
    return [entry for entry in found if entry.task == task_id]


def _entry(
    context: Context,
    pipeline: Pipeline,
    kind: str,
    outcome: str,
    reason: str,
    inputs: Mapping[str, Any],
    limits: Limits,
) -> tuple[Ledger, Entry]:
    from driftgate.services.alerts import Threshold
    from driftgate.services.ledger import Decision, Entry, Ledger
    from operators.telling import redacted

    thresholds = tuple(
        Threshold(nowhere(*path), _safe(value), place(pipeline.locate, *path)) for path, value in limits.items()
    )
    lines = "\n".join(redacted(line) for line in reason.splitlines())
    ti = context["ti"]
    index = f"[{ti.map_index}]" if ti.map_index is not None and ti.map_index >= 0 else ""
    entry = Entry(
        Decision(kind, outcome, lines, _safe(inputs), thresholds),
        datetime.now(UTC),
        pipeline=ti.dag_id,
        run=ti.run_id,
        task=f"{ti.task_id}{index}",
        cause=_cause(context),
        config=pipeline.digest,
        revision=_revision(context),
        link=ti.log_url,
    )
    return Ledger(tracking_uri(pipeline.sections["ledger"]["connection"])), entry


def _safe(value: Any) -> Any:
    """Return ``value`` without what is secret in it."""
    from airflow.sdk.log import redact  # type: ignore[attr-defined]

    if isinstance(value, Mapping):
        return {key: _safe(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(each) for each in value]
    return without_password(str(redact(value))) if isinstance(value, str) else value


def _cause(context: Context) -> str:
    """Return the run that started this one; "" where nobody, or somebody with a conf of their own, did."""
    drift = (context["dag_run"].conf or {}).get("drift")
    return str(drift.get("run", "")) if isinstance(drift, Mapping) else ""


def _revision(context: Context) -> str:
    """Return the revision of the repository that the task runs from; "" where there is none to tell."""
    if version := getattr(getattr(context["ti"], "bundle_instance", None), "version", None):
        return str(version)
    source = getattr(context["dag"], "yaml_source", "")
    try:
        done = subprocess.run(  # noqa: S603 (a command of our own)
            _GIT, cwd=Path(source).parent, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
