"""Where a key belongs: in which part of the language it stands, and what it is called that was called otherwise."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from driftgate.config import schemas
from driftgate.config.conform import Schema, findings
from driftgate.config.words import closest, listing, shorten, suggest_key
from driftgate.errors import printable

_TOP, _TASK, _OPERATOR = "at the top level", "at a task", "at a task with operator: "
_SURE = 0.9  # how alike a key must be to one that is there already, or to one of another place, to be meant by it
_MOST_PLACES = 3

# What people bring along from Airflow, dag-factory and other tools → what it is called here, the likeliest first.
_RENAMED: dict[str, tuple[str, ...]] = {
    "action": ("operator",),
    "after": ("depends_on",),
    "alert": ("alerts",),
    "attempts": ("retries",),
    "backfill": ("catchup",),
    "bands": ("psi",),
    "checks": ("quality",),
    "class": ("operator",),
    "concurrency": ("max_active_tasks",),
    "connection_id": ("connection",),
    "conn_id": ("connection",),
    "cron": ("schedule",),
    "dag_run_timeout": ("dagrun_timeout",),
    "dagrun_timeout_sec": ("dagrun_timeout",),
    "data": ("dataset",),
    "delay": ("retry_delay",),
    "dependencies": ("depends_on",),
    "depends": ("depends_on",),
    "display_name": ("dag_display_name", "task_display_name"),
    "doc": ("doc_md", "description"),
    "doc_md": ("description",),
    "docs": ("doc_md", "description"),
    "drift": ("psi",),
    "end": ("end_date",),
    "every": ("schedule",),
    "execution_timeout_secs": ("execution_timeout",),
    "for_each": ("expand",),
    "foreach": ("expand",),
    "frequency": ("schedule",),
    "gate": ("gates",),
    "ge": ("at_least",),
    "greater_than": ("above",),
    "gt": ("above",),
    "gte": ("at_least",),
    "http_conn_id": ("connection",),
    "inherits": ("extends",),
    "interval": ("schedule",),
    "labels": ("tags",),
    "le": ("at_most",),
    "less_than": ("below",),
    "lt": ("below",),
    "lte": ("at_most",),
    "map": ("expand",),
    "matrix": ("expand",),
    "max": ("at_most",),
    "max_active_runs_per_dag": ("max_active_runs",),
    "max_retries": ("retries",),
    "metrics": ("gates",),
    "min": ("at_least",),
    "minimum": ("min", "at_least"),
    "maximum": ("max", "at_most"),
    "needs": ("depends_on",),
    "notifications": ("alerts",),
    "notify": ("alerts",),
    "over": ("above",),
    "parent": ("extends",),
    "partial": ("expand",),
    "paused": ("is_paused_upon_creation",),
    "priority": ("priority_weight",),
    "quality_gates": ("gates",),
    "requires": ("depends_on",),
    "retry": ("retries",),
    "retry_delay_sec": ("retry_delay",),
    "retry_interval": ("retry_delay",),
    "runs_after": ("depends_on",),
    "schedule_interval": ("schedule",),
    "start": ("start_date",),
    "template": ("extends",),
    "thresholds": ("psi",),
    "timeout": ("execution_timeout", "dagrun_timeout"),
    "timetable": ("schedule",),
    "trigger_dag_id": ("pipeline",),
    "tz": ("timezone",),
    "upstream": ("depends_on",),
    "upstream_tasks": ("depends_on",),
    "under": ("below",),
    "uses": ("operator",),
    "variables": ("params",),
    "vars": ("params",),
    "wait_for": ("depends_on",),
}
_OF_TASKS = {"description": ("doc_md",), "kind": ("operator",), "type": ("operator",)}
_OF_PIPELINES = {"id": ("dag_id",), "name": ("dag_id", "dag_display_name"), "timeout": ("dagrun_timeout",)}

_CHANNEL = "name a channel instead: alerts: {on_failure: [ops_email]}"
_ID = "a task's id is the key above it"
_BESIDE = "what an operator needs stands at the task itself, beside operator"
_PYTHON = "it is for operator: airflow.providers.standard.operators.python.PythonOperator"
# What has no counterpart → what to do instead.
_INSTEAD = {
    "bash_command": "it is for operator: airflow.providers.standard.operators.bash.BashOperator",
    "default_args": "write owner, retries, retry_delay and so on at the top level",
    "downstream": "write depends_on at the task that comes after",
    "email": _CHANNEL,
    "email_on_failure": _CHANNEL,
    "email_on_retry": "name a channel instead: alerts: {on_retry: [ops_email]}",
    "on_error": _CHANNEL,
    "on_failure_callback": _CHANNEL,
    "on_retry_callback": "name a channel instead: alerts: {on_retry: [ops_email]}",
    "on_success_callback": "name a channel instead: alerts: {on_success: [ops_email]}",
    "op_args": _PYTHON,
    "op_kwargs": _PYTHON,
    "python_callable": _PYTHON,
    "sla": "write execution_timeout, and name a channel: alerts: {on_failure: [ops_email]}",
    "task_group": "a group is an entry under tasks that has tasks of its own",
    "task_group_name": "a group is an entry under tasks that has tasks of its own",
    "task_groups": "a group is an entry under tasks that has tasks of its own",
    "template_searchpath": "remove it: templates stand in the file itself",
}
_INSTEAD_OF_TASKS = {
    "args": _BESIDE,
    "arguments": _BESIDE,
    "config": _BESIDE,
    "dag": "remove it: a task belongs to the pipeline of its file",
    "id": _ID,
    "kwargs": _BESIDE,
    "name": _ID,
    "parameters": _BESIDE,
    "task_id": _ID,
    "with": _BESIDE,
}


class _Home(NamedTuple):
    """A place where a key can stand."""

    key: str
    phrase: str  # "under quality"
    schema: Schema  # what its value must be there


def hint_for_key(key: str, schema: Schema, value: Any, beside: Container[str]) -> str:
    """Return what to do about ``key``, a property that ``schema`` does not have; those ``beside`` it are there."""
    properties, otherwise = schema.get("properties", {}), schema.get("unknownKeyHint", "")
    options = list(properties)
    top, task = "dag_id" in options, "operator" in options
    if key == "tasks" and task:
        return "a group has tasks and no operator"
    if top and isinstance(value, dict) and value.keys() & {"operator", "tasks"}:
        return f"if '{shorten(key)}' is a task, it belongs under tasks: indent it"
    if set(options) == {"defaults", "pipelines"}:  # a file of an environment
        return otherwise if key in schemas.envelope()["properties"] else _misspelt(key, options, beside) or otherwise
    setting_of_group = "tooltip" in options and key in schemas.task_keys()
    return (
        _otherwise_called(_plain(key), options, beside, top=top, task=task)
        or _belongs(key, value, [home for home in _all_within(properties) if not any(findings(value, home.schema))])
        or ("" if setting_of_group or "at_least" in options else _belongs(key, value, _homes().get(key, ())))
        or _misspelt(key, options, beside)
        or ("" if otherwise else _belongs_if_spelt(key, value))
        or otherwise
        or suggest_key(key, options)
    )


def stands_for(key: str, options: Collection[str]) -> str | None:
    """Return the one of ``options`` that is meant by ``key``: misspelt, or called otherwise elsewhere."""
    return _stands_for(key, tuple(options))


@lru_cache(maxsize=4_000)  # the same keys again and again
def _stands_for(key: str, options: tuple[str, ...]) -> str | None:
    names = (_RENAMED | _OF_TASKS).get(_plain(key), ())
    return next((name for name in names if name in options), None) or closest(key, options)


def _plain(key: str) -> str:
    return key.lower().replace("-", "_").replace(" ", "_")


def _otherwise_called(key: str, options: Collection[str], present: Container[str], *, top: bool, task: bool) -> str:
    names = {**_RENAMED, **(_OF_TASKS if task else {}), **(_OF_PIPELINES if top else {})}
    meant = names.get(key, ())
    if here := [name for name in meant if name in options]:
        free = [name for name in here if name not in present]
        there = f"remove it: here it is called {here[0]}, which is there already"
        return f"here it is called {free[0]}" if free else there
    if not (top or task or "tooltip" in options):
        return ""
    places = [home.phrase for name in meant for home in _homes().get(name, ())]
    elsewhere = f"here it is called {meant[0]}, and belongs {_places(places)}" if places else ""
    advice = _INSTEAD_OF_TASKS if task and key in _INSTEAD_OF_TASKS else _INSTEAD
    return advice.get(key, elsewhere)


def _belongs(key: str, value: Any, all_homes: Sequence[_Home]) -> str:
    """Return where ``key`` can stand: of several places those where its value is right."""
    homes = [home for home in all_homes if home.key == key]
    fitting = [home for home in homes if not any(findings(value, home.schema))]
    places = [home.phrase for home in fitting or homes]
    return f"'{key}' belongs {_places(places)}" if places else ""


def _places(phrases: Sequence[str]) -> str:
    own = [phrase.removeprefix(_OPERATOR) for phrase in phrases if phrase.startswith(_OPERATOR)]
    others = [phrase for phrase in phrases if not phrase.startswith(_OPERATOR)]
    return listing(dict.fromkeys([*others[:_MOST_PLACES], *([f"{_OPERATOR}{listing(own)}"] if own else [])]))


def _misspelt(key: str, options: Collection[str], present: Container[str]) -> str:
    if meant := closest(key, [option for option in options if option not in present]):
        return f"did you mean '{printable(meant)}'?"
    doubled = closest(key, [option for option in options if option in present], _SURE)
    return f"did you mean '{printable(doubled)}'? It is there already" if doubled else ""


def _belongs_if_spelt(key: str, value: Any) -> str:
    meant = closest(key, _homes(), _SURE)
    homes = [home for home in _homes()[meant] if not any(findings(value, home.schema))] if meant else []
    return f"did you mean '{meant}'? It belongs {_places([home.phrase for home in homes])}" if homes else ""


@cache
def _homes() -> Mapping[str, Sequence[_Home]]:
    """Return the places of every key of the language."""
    homes: dict[str, list[_Home]] = {}
    for home in _all_homes():
        homes.setdefault(home.key, []).append(home)
    return homes


def _all_homes() -> Iterator[_Home]:
    envelope = schemas.envelope()["properties"]
    yield from _within(envelope, _TOP)
    yield from _all_within({section: envelope[section] for section in schemas.sections()})
    columns, channels = envelope["quality"]["properties"]["columns"], envelope["alerts"]["properties"]["channels"]
    yield from _within(columns["additionalProperties"]["properties"], "under a column of quality.columns")
    yield from _within(channels["additionalProperties"]["properties"], "under a channel of alerts.channels")
    yield from _within(schemas.definition("gate")["properties"], "under a metric of gates")
    yield from _within(schemas.task_keys(), _TASK)
    yield _Home("tooltip", "at a group of tasks", schemas.group()["properties"]["tooltip"])
    for operator in schemas.operators():
        own = schemas.parameters(operator)["properties"]
        yield from _within(own, f"{_OPERATOR}{operator}")
        for home in _all_within(own):
            yield home._replace(phrase=f"{home.phrase} of{_OPERATOR.removeprefix('at')}{operator}")


def _all_within(properties: Mapping[str, Schema]) -> Iterator[_Home]:
    for name, schema in properties.items():
        yield from _within(schema.get("properties", {}), f"under {name}")


def _within(properties: Mapping[str, Schema], phrase: str) -> Iterator[_Home]:
    for key, schema in properties.items():
        yield _Home(key, phrase, schema)
