"""The configuration that a running Airflow has: what the DAGs in it say they were built from."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from driftgate import __version__
from driftgate.config.folder import find_environments, find_pipelines
from driftgate.config.record import KEY, Record, read_record
from driftgate.config.words import listing
from driftgate.errors import UserMistake
from driftgate.plan.making import in_environment
from driftgate.plan.model import Deployed, Plan
from driftgate.plan.snapshot import Snapshot, State, read
from driftgate.services.airflow_api import AirflowApi

_GENERATOR = "generate.py"  # the DAG file of every pipeline
_OUTDATED = "outdated-config"


class Unreadable(UserMistake):
    """What Airflow has cannot be read, or not be trusted."""


@dataclass(frozen=True)
class _Found:
    """A pipeline in Airflow."""

    dag_id: str
    record: Record
    outdated: bool  # on its last good configuration


def make_deployed_plan(directory: Path, airflow: AirflowApi, env: str | None, now: datetime) -> Plan:
    """Return what changes when the configuration in ``directory`` takes the place of what ``airflow`` runs.

    ``env`` is the environment that Airflow must run in (None: whatever it is). Raises Unreadable when that cannot be
    told for sure, and what ``AirflowApi.call`` raises.
    """
    stems = {path.stem for path in find_pipelines(directory)}
    found = list(_pipelines(airflow, stems))
    if not found:
        raise Unreadable(
            f"Airflow at {airflow.url} has no pipeline of Driftgate; it may be another one, or have read no DAG yet"
        )
    base = Deployed(airflow.url, _only(found, "environment", airflow), _only(found, "version", airflow))
    if env is not None and env != base.environment:
        raise Unreadable(f"Airflow at {airflow.url} runs {_in(base.environment)}, not {_in(env)}: nothing to compare")
    before = _state(found, _broken(airflow, stems - {each.dag_id for each in found}))
    known = not base.environment or base.environment in find_environments(directory)
    after = read(directory, base.environment) if known else None
    part = in_environment(base.environment, before, after, before, now)
    return Plan(base, now, (part,), tuple(_notes(base, found)))


def _in(environment: str) -> str:
    return f"in the environment '{environment}'" if environment else "without an environment"


def _notes(base: Deployed, found: list[_Found]) -> Iterator[str]:
    if base.version != __version__:
        yield f"Airflow has Driftgate {base.version}, and both sides have the defaults of this one, {__version__}"
    if outdated := [each.dag_id for each in found if each.outdated]:
        yield f"{listing(outdated, 'and')}: broken where Airflow runs; the last good configuration is compared"


def _pipelines(airflow: AirflowApi, stems: set[str]) -> Iterator[_Found]:
    for dag in airflow.dags():
        details = airflow.details(dag["dag_id"])
        record = read_record((details.get("default_args") or {}).get(KEY))
        if record is not None:
            tags = {tag["name"] for tag in details.get("tags") or ()}
            yield _Found(dag["dag_id"], record, _OUTDATED in tags)
        elif dag["dag_id"] in stems and Path(dag.get("relative_fileloc") or "").name == _GENERATOR:
            raise Unreadable(
                f"{dag['dag_id']} in Airflow at {airflow.url} does not say what it was built from: it is of an older "
                "Driftgate; deploy this one first"
            )
        elif dag["dag_id"] in stems:
            where = dag.get("relative_fileloc") or dag.get("fileloc")
            raise Unreadable(
                f"{dag['dag_id']} in Airflow at {airflow.url} is no pipeline of Driftgate: it is from {where}"
            )


def _only(found: list[_Found], what: str, airflow: AirflowApi) -> str:
    """Return what all pipelines have in common; Unreadable while some are of one deployment and some of the next."""
    values: dict[str, list[str]] = {}
    for each in found:
        values.setdefault(getattr(each.record, what), []).append(each.dag_id)
    if len(values) > 1:
        told = "; ".join(f"{value or 'none'} ({', '.join(names[:3])})" for value, names in sorted(values.items()))
        raise Unreadable(f"the pipelines in Airflow at {airflow.url} are not of one {what}: {told}; "
                         "wait until its DAG processor has read them all")  # fmt: skip
    return next(iter(values))


def _broken(airflow: AirflowApi, missing: set[str]) -> Mapping[str, str]:
    """Return the pipelines that Airflow lacks because they have errors there: dag_id → file."""
    texts = airflow.import_errors() if missing else []
    named = {Path(file).stem: file for text in texts for file in re.findall(r"[^\s:]+\.ya?ml(?=:)", text)}
    return {dag_id: named[dag_id] for dag_id in sorted(missing) if dag_id in named}


def _state(found: list[_Found], broken: Mapping[str, str]) -> State:
    """Return the configuration, read as every other: each pipeline as a file with nothing to inherit from."""
    records = {each.dag_id: each.record for each in found}
    with tempfile.TemporaryDirectory(prefix="driftgate-plan-") as folder:
        pipelines = Path(folder, "config", "pipelines")
        pipelines.mkdir(parents=True)
        for dag_id, record in records.items():
            path = pipelines / f"{dag_id}.yaml"
            path.write_text(json.dumps(record.pipeline, ensure_ascii=False, indent=1), encoding="utf-8")
        for dag_id in broken:
            (pipelines / f"{dag_id}.yaml").touch()  # what others start exists
        state = read(Path(folder, "config"), "")
        if unreadable := sorted(state.broken.keys() & records.keys()):
            told = next(problem for problem in state.errors if Path(problem.file).stem == unreadable[0])
            raise Unreadable(
                f"what Airflow runs as {unreadable[0]} is no configuration for Driftgate {__version__} (it was built "
                f"by {records[unreadable[0]].version}): {told.message}"
            )
        usable = {name: _as_deployed(side, records[name]) for name, side in state.pipelines.items()}
    return State(usable, broken)


def _as_deployed(side: Snapshot, record: Record) -> Snapshot:
    return replace(side, pipeline=replace(side.pipeline, file=record.file), deployed=True)
