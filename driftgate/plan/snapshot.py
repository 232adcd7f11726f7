"""A configuration at one moment, ready to be compared: complete, names of tasks in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from driftgate.config import schemas
from driftgate.config.load import find_pipelines, load_all
from driftgate.config.mapped import always_given, given
from driftgate.config.model import Pipeline, Task
from driftgate.config.order import Order
from driftgate.config.tree import Node, Tree
from driftgate.config.words import KeyPath
from driftgate.errors import Problem
from driftgate.plan.values import MISSING, Side

IN_AIRFLOW = "in Airflow"  # the place of what is only there
_OF_THE_FILE = ("api_version", "dag_id", "extends", "tasks")  # what is no setting of the pipeline


@dataclass(frozen=True)
class Entry:
    """A task or a group of tasks."""

    id: str  # in full: group.task
    path: KeyPath  # where it stands
    is_group: bool
    data: Side  # without depends_on and the tasks in it
    declared: frozenset[str]  # depends_on, in full
    waits_for: frozenset[str]  # everything directly before it, what routes lead here included

    @property
    def operator(self) -> str:
        """The name of its operator; "" of a group."""
        return "" if self.is_group else str(self.data.value["operator"])

    @property
    def parent(self) -> str:
        """The group it is in, "" if in none."""
        return self.id.rpartition(".")[0]


@dataclass(frozen=True)
class Snapshot:
    """One pipeline."""

    pipeline: Pipeline
    settings: Side  # everything but the tasks
    entries: Mapping[str, Entry]
    deployed: bool = False  # whether it is what Airflow says: there are no lines to name then

    @property
    def tasks(self) -> dict[str, Entry]:
        """The entries that are no groups."""
        return {name: entry for name, entry in self.entries.items() if not entry.is_group}

    @cached_property
    def order(self) -> Order:
        """The order of its tasks."""
        return Order(Tree(self.pipeline.layers.data["tasks"]))

    @property
    def told_of_drift(self) -> list[str]:
        """The channels of its alerts about drift, which are told of a refusal too unless others are named."""
        return self.pipeline.told_of_drift()

    def setting(self, *path: str) -> Any:
        """Return what the pipeline says at ``path``, defaults filled in; MISSING if nothing."""
        value: Any = self.settings.value
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return MISSING
            value = value[key]
        return value

    def place(self, path: KeyPath) -> str:
        """Return where the value at ``path`` was written, as ``file:line``; "default" if nowhere."""
        value: Any = self.pipeline.layers.data
        for key in path:
            inside = key in value if isinstance(value, Mapping) else isinstance(key, int) and key < len(value)
            if not inside:
                return "default"
            value = value[key]
        if self.deployed:
            return IN_AIRFLOW
        file, line, _ = self.pipeline.layers.place(path)
        return f"{file}:{line}"


@dataclass(frozen=True)
class State:
    """Every pipeline of a configuration in one environment."""

    pipelines: Mapping[str, Snapshot]
    broken: Mapping[str, str] = field(default_factory=dict)  # dag_id → file of those that have errors
    errors: tuple[Problem, ...] = ()


def read(directory: Path, env: str) -> State:
    """Return the configuration in ``directory`` as it is in the environment ``env`` ("" for none)."""
    loaded = load_all(directory, env)
    usable = {pipeline.dag_id: snapshot(pipeline) for pipeline in loaded.pipelines}
    files = {path.stem: path.relative_to(directory.parent).as_posix() for path in find_pipelines(directory)}
    broken = {stem: file for stem, file in files.items() if stem not in usable}
    return State(usable, broken, tuple(problem for problem in loaded.problems if problem.severity == "error"))


def snapshot(pipeline: Pipeline) -> Snapshot:
    """Return ``pipeline`` ready to be compared."""
    written = pipeline.layers.data
    complete = schemas.with_defaults(written, schemas.envelope())
    settings = Side(*(_without(data, *_OF_THE_FILE) for data in (complete, written)))
    tasks = {task.task_id: task for task in pipeline.tasks}
    before = {node.task_id: node.depends_on for node in pipeline.tasks}
    before |= {group.group_id: group.depends_on for group in pipeline.groups}
    tree = Tree(written["tasks"])
    entries = {node.id: _entry(node, tree, tasks.get(node.id), before[node.id]) for node in tree.nodes.values()}
    return Snapshot(pipeline, settings, entries)


def _entry(node: Node, tree: Tree, task: Task | None, before: tuple[str, ...]) -> Entry:
    data = _task(node.data, task) if task else _group(node.data)
    said = (said for said in tree.spoken_by[node.id] if said.path[len(node.path)] == "depends_on")
    declared = frozenset(reference.target for reference in said if reference.target)
    return Entry(node.id, node.path, node.is_group, data, declared, frozenset(before))


def _group(written: Mapping[str, Any]) -> Side:
    complete = schemas.with_defaults(_without(written, "tasks"), schemas.group())
    return Side(*(_without(data, "depends_on", "tasks") for data in (complete, written)))


def _task(written: Mapping[str, Any], task: Task) -> Side:
    complete = dict(written)
    if always_given(written) is not None:  # else nobody knows what each of its expansions brings along
        filled = schemas.with_defaults(written, schemas.task(task.operator))
        complete = {key: value for key, value in filled.items() if key in written or key not in given(written)}
    in_full = {"expand": task.expand, "expand_kwargs": task.expand_kwargs, "routes": task.parameters.get("routes")}
    named = {key: value for key, value in in_full.items() if key in written and value is not None}
    return Side(*({**_without(data, "depends_on"), **named} for data in (complete, written)))


def _without(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: data[key] for key in data if key not in keys}


def shown(entry: Entry) -> dict[str, Any]:
    """Return what somebody wrote of a task or group, for people to read."""
    written = {} if entry.data.written is MISSING else dict(entry.data.written)
    waits = {"depends_on": sorted(entry.declared)} if entry.declared else {}
    return {**{key: value for key, value in written.items() if key == "operator"}, **waits, **written}
