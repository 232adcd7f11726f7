"""A pipeline as everything downstream sees it: complete, typed and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from driftgate.config import schemas
from driftgate.config.dates import moment, timezone
from driftgate.config.layers import Layers
from driftgate.durations import parse_duration

_DURATIONS = ("retry_delay", "execution_timeout")
_DEFAULT_ARGS = ("owner", "retries", *_DURATIONS)


@dataclass(frozen=True)
class Task:
    """One task. What its operator is given, and what Airflow is told about it."""

    task_id: str
    operator: str  # a short name, or the dotted path of an Airflow operator
    parameters: Mapping[str, Any]  # the operator's own, defaults filled in; durations stay text
    depends_on: tuple[str, ...]  # declared, then implied by routes
    settings: Mapping[str, Any]  # Airflow keywords, Python-typed; only what the task itself sets


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: one file, one DAG."""

    dag_id: str
    file: str
    description: str
    schedule: str | None
    start_date: datetime
    end_date: datetime | None
    timezone: str
    catchup: bool
    max_active_runs: int | None
    max_active_tasks: int | None
    dagrun_timeout: timedelta | None
    owner: str
    tags: tuple[str, ...]
    default_args: Mapping[str, Any]
    sections: Mapping[str, Any]
    tasks: tuple[Task, ...]
    layers: Layers = field(repr=False, compare=False)

    def locate(self, *path: str | int) -> str:
        """Return where the value at the effective ``path`` is: ``config/pipelines/x.yaml:31:12``."""
        return ":".join(str(part) for part in self.layers.place(path))


def to_pipeline(layers: Layers) -> Pipeline:
    """Return the pipeline that ``layers``, which must have been found valid, describe."""
    data = schemas.with_defaults(layers.data, schemas.envelope())
    zone = timezone(data["timezone"])
    return Pipeline(
        dag_id=data["dag_id"],
        file=layers.documents[0].file,
        description=data["description"],
        schedule=data["schedule"],
        start_date=moment(data["start_date"], zone),
        end_date=moment(data["end_date"], zone) if "end_date" in data else None,
        timezone=data["timezone"],
        catchup=data["catchup"],
        max_active_runs=data.get("max_active_runs"),
        max_active_tasks=data.get("max_active_tasks"),
        dagrun_timeout=parse_duration(data["dagrun_timeout"]) if "dagrun_timeout" in data else None,
        owner=data["owner"],
        tags=tuple(data["tags"]),
        default_args=_typed({key: data[key] for key in _DEFAULT_ARGS if key in data}),
        sections={key: data[key] for key in schemas.sections() if key in data},
        tasks=_tasks(data["tasks"]),
        layers=layers,
    )


def _tasks(tasks: Mapping[str, Mapping[str, Any]]) -> tuple[Task, ...]:
    implied: dict[str, list[str]] = {}
    for task_id, task in tasks.items():
        for target in task["routes"].values() if task["operator"] == "decide_action" else ():
            implied.setdefault(target, []).append(task_id)
    return tuple(_task(task_id, task, implied.get(task_id, [])) for task_id, task in tasks.items())


def _task(task_id: str, task: Mapping[str, Any], implied: list[str]) -> Task:
    common = schemas.task_settings()
    own = {key: value for key, value in task.items() if key not in common}
    settings = {key: task[key] for key in common if key in task and key not in {"operator", "depends_on"}}
    return Task(
        task_id=task_id,
        operator=task["operator"],
        parameters=schemas.with_defaults(own, schemas.parameters(task["operator"])),
        depends_on=tuple(dict.fromkeys([*task.get("depends_on", []), *implied])),
        settings=_typed(settings),
    )


def _typed(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: parse_duration(value) if key in _DURATIONS else value for key, value in settings.items()}
