"""A pipeline as everything downstream sees it: complete, typed and frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from driftgate.config import mapped, schemas
from driftgate.config.dates import moment, timezone
from driftgate.config.layers import Layers
from driftgate.config.order import Order
from driftgate.config.params import as_param
from driftgate.config.tree import Node, Reference, Tree
from driftgate.config.words import KeyPath
from driftgate.durations import is_duration, parse_duration

_DURATIONS = ("retry_delay", "max_retry_delay", "execution_timeout")
_NO_SETTINGS = ("operator", "depends_on", "expand", "expand_kwargs", "inlets", "outlets", "alerts")

Condition = tuple[str, Any]  # ("asset", uri), ("any", (condition, …)) or ("all", (condition, …))


@dataclass(frozen=True)
class AssetSchedule:
    """Run when assets are updated, and, with ``cron``, at these times too."""

    cron: str | None
    condition: Condition


@dataclass(frozen=True)
class Group:
    """A group of tasks."""

    group_id: str  # in full: outer.inner
    parent: str  # the group it is in, in full; "" if in none
    tooltip: str
    depends_on: tuple[str, ...]  # tasks and groups, in full: declared, then implied by routes
    path: KeyPath  # where it stands in the effective configuration


@dataclass(frozen=True)
class Task:
    """One task. What its operator is given, and what Airflow is told about it."""

    task_id: str  # in full: group.task
    group: str  # the group it is in, in full; "" if in none
    operator: str  # a short name, or the dotted path of an Airflow operator
    parameters: Mapping[str, Any]  # the operator's own, defaults filled in; durations stay text
    depends_on: tuple[str, ...]  # tasks and groups, in full: declared, then implied by output_of and by routes
    settings: Mapping[str, Any]  # Airflow keywords, Python-typed; only what the task itself sets
    expand: Mapping[str, Any]  # parameter → list of values, or {"output_of": task id in full}
    expand_kwargs: Any  # list of mappings, or {"output_of": task id in full}; None if not used
    outlets: tuple[str, ...]  # URIs of assets
    inlets: tuple[str, ...]
    alerts: Mapping[str, tuple[str, ...]]  # on_failure … → channels; only what the task itself sets
    path: KeyPath  # where it stands in the effective configuration


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: one file, one DAG."""

    dag_id: str
    file: str
    description: str
    dag_display_name: str | None
    schedule: str | timedelta | AssetSchedule | None
    start_date: datetime
    end_date: datetime | None
    timezone: str
    catchup: bool
    max_active_runs: int | None
    max_active_tasks: int | None
    max_consecutive_failed_dag_runs: int | None
    dagrun_timeout: timedelta | None
    fail_fast: bool
    is_paused_upon_creation: bool | None
    render_template_as_native_obj: bool
    owner: str
    tags: tuple[str, ...]
    default_args: Mapping[str, Any]
    params: Mapping[str, Mapping[str, Any]]  # name → what Airflow's Param takes; without "default" it is required
    sections: Mapping[str, Any]
    groups: tuple[Group, ...]  # each before those in it
    tasks: tuple[Task, ...]
    # (before, after) of every depends_on, those deep inside groups first: Airflow finds out which are the first
    # and last tasks of a group at the moment when the group is connected.
    edges: tuple[tuple[str, str], ...]
    find_layers: Callable[[], Layers] = field(repr=False, compare=False)
    written: Mapping[str, Any] = field(repr=False, compare=False)  # the merged files, without defaults of the language

    @cached_property
    def layers(self) -> Layers:
        """The files it comes from; read only when somebody asks."""
        return self.find_layers()

    @cached_property
    def digest(self) -> str:
        """Tells this configuration from any other, however either is written and spread over files."""
        return hashlib.sha256(json.dumps(self.written, sort_keys=True).encode()).hexdigest()

    def told_of(self, event: str, task: Task) -> Sequence[str]:
        """Return the channels that are told of an event of ``task``: those that it names, else the pipeline's."""
        names: Sequence[str] = task.alerts.get(event, self.sections.get("alerts", {}).get(event, ()))
        return names

    def told_of_refusal(self, task: Task) -> list[str]:
        """Return those who are told of a retraining refused: nothing may go wrong in silence.

        They are those who are told of drift anyway, else of failures, unless somebody else is named.
        """
        if "on_refused" in {**self.sections.get("alerts", {}), **task.alerts}:
            return list(self.told_of("on_refused", task))
        return self.told_of_drift() or list(self.told_of("on_failure", task))

    def told_of_drift(self) -> list[str]:
        """Return the channels of its ``send_alert`` tasks."""
        named = [other.parameters.get("channels", ()) for other in self.tasks if other.operator == "send_alert"]
        return list(dict.fromkeys(name for names in named for name in names))

    def locate(self, *path: str | int) -> str:
        """Return where the value at the effective ``path`` is: ``config/pipelines/x.yaml:31:12``."""
        return ":".join(str(part) for part in self.layers.place(path))


def to_pipeline(
    effective: Mapping[str, Any], file: str, find_layers: Callable[[], Layers], order: Order | None = None
) -> Pipeline:
    """Return the pipeline that an effective configuration, which must have been found valid, describes.

    ``file`` is the pipeline's own, as messages call it; ``order`` is that of its tasks, if it has been made already.
    """
    envelope = {key: value for key, value in effective.items() if key != "tasks"}
    data = schemas.with_defaults(envelope, schemas.envelope())
    zone = timezone(data["timezone"])
    order = order or Order(Tree(effective["tasks"]))
    return Pipeline(
        dag_id=data["dag_id"],
        file=file,
        description=data["description"],
        dag_display_name=data.get("dag_display_name"),
        schedule=_schedule(data["schedule"]),
        start_date=moment(data["start_date"], zone),
        end_date=moment(data["end_date"], zone) if "end_date" in data else None,
        timezone=data["timezone"],
        catchup=data["catchup"],
        max_active_runs=data.get("max_active_runs"),
        max_active_tasks=data.get("max_active_tasks"),
        max_consecutive_failed_dag_runs=data.get("max_consecutive_failed_dag_runs"),
        dagrun_timeout=parse_duration(data["dagrun_timeout"]) if "dagrun_timeout" in data else None,
        fail_fast=data["fail_fast"],
        is_paused_upon_creation=data.get("is_paused_upon_creation"),
        render_template_as_native_obj=data["render_template_as_native_obj"],
        owner=data["owner"],
        tags=tuple(data["tags"]),
        default_args=_typed({key: data[key] for key in ("owner", *schemas.common_settings()) if key in data}),
        params={name: as_param(param) for name, param in data["params"].items()},
        sections={key: data[key] for key in schemas.sections() if key in data},
        groups=tuple(_group(group, order) for group in order.tree.groups.values()),
        tasks=tuple(_task(task, order) for task in order.tree.tasks.values()),
        edges=tuple(order.by_depth),
        find_layers=find_layers,
        written=effective,
    )


def _schedule(schedule: Any) -> str | timedelta | AssetSchedule | None:
    if isinstance(schedule, dict):
        assets = {key: value for key, value in schedule.items() if key != "cron"}
        return AssetSchedule(schedule.get("cron"), _condition(assets))
    if isinstance(schedule, str) and is_duration(schedule):
        return parse_duration(schedule)
    return None if schedule is None else str(schedule)


def _condition(condition: Any) -> Condition:
    if isinstance(condition, str):
        return "asset", condition
    [(kind, of)] = condition.items()
    return kind, of if kind == "asset" else tuple(_condition(inner) for inner in of)


def _group(node: Node, order: Order) -> Group:
    return Group(
        group_id=node.id,
        parent=node.group,
        tooltip=node.data.get("tooltip", ""),
        depends_on=tuple(order.before.get(node.id, ())),
        path=node.path,
    )


def _task(node: Node, order: Order) -> Task:
    keys = schemas.task_keys()
    data = _with_full_ids(node, order)
    own = {key: value for key, value in data.items() if key not in keys}
    return Task(
        task_id=node.id,
        group=node.group,
        operator=data["operator"],
        parameters=_parameters(own, data),
        depends_on=tuple(order.before.get(node.id, ())),
        settings=_typed(_copied({key: data[key] for key in data if key in keys and key not in _NO_SETTINGS})),
        expand=_copied(data.get("expand", {})),
        expand_kwargs=_copied(data.get("expand_kwargs")),
        outlets=tuple(data.get("outlets", ())),
        inlets=tuple(data.get("inlets", ())),
        alerts={event: tuple(channels) for event, channels in data.get("alerts", {}).items()},
        path=node.path,
    )


def _copied(value: Any) -> Any:
    """Return a copy of what Airflow is handed, so that nobody can change the configuration by it."""
    return deepcopy(value) if value else value


def _with_full_ids(node: Node, order: Order) -> Mapping[str, Any]:
    """Return what the task says, with ids in full where it names others in its parameters."""
    depth = len(node.path)
    named = [said for said in order.tree.spoken_by[node.id] if said.path[depth] != "depends_on"]
    if not named:
        return node.data
    data = deepcopy(node.data)
    for said in named:
        _put(data, said.path[depth:], said)
    return data


def _parameters(own: Mapping[str, Any], task: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operator's parameters with defaults, but for those that each of its expansions brings along."""
    if isinstance(task.get("expand_kwargs"), dict):  # only Airflow will know
        return dict(own)
    filled = schemas.with_defaults(own, schemas.parameters(task["operator"]))
    elsewhere = mapped.given(task)
    return {key: value for key, value in filled.items() if key not in elsewhere}


def _put(data: Mapping[str, Any], path: KeyPath, said: Reference) -> None:
    inner: Any = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = said.target


def _typed(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: parse_duration(value) if key in _DURATIONS else value for key, value in settings.items()}
