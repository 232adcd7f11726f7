"""From a Pipeline to an Airflow DAG, through dag-factory: nodes first, edges second."""

from __future__ import annotations

import importlib
import inspect
import logging
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, TaskGroup
from airflow.sdk.definitions.mappedoperator import MappedOperator

from driftgate.build_errors import explain, unfit_parameters
from driftgate.config.model import Task
from driftgate.docs import describe
from driftgate.errors import ConfigError
from driftgate.schedules import to_airflow
from operators import OPERATORS
from operators.memory import asset_of
from operators.notifiers import EVENTS, AlertNotifier, UntoldFailures, notifiers
from operators.places import nowhere, place

with warnings.catch_warnings():
    # dag-factory also knows the names that Airflow 2 used, and says at each import what is not installed.
    warnings.simplefilter("ignore")
    logging.getLogger("dagfactory").setLevel(logging.WARNING)
    from dagfactory.dagbuilder import DagBuilder

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from driftgate.config.model import Pipeline
    from driftgate.errors import Problem

Node = Any  # an operator, a mapped operator or a task group: what Airflow draws edges between


def build_dag(pipeline: Pipeline) -> DAG:
    """Return the DAG of a validated pipeline. Same pipeline, same DAG: no clock, no chance, no environment.

    Raises ConfigError for what only the operator classes themselves can tell: parameters they do not have.
    """
    dag: DAG = DagBuilder(pipeline.dag_id, dag_config(pipeline), {}).build()["dag"]
    dag.tags = set(pipeline.tags)  # dag-factory adds one of its own
    dag.fail_fast = pipeline.fail_fast  # these two dag-factory does not know
    if pipeline.max_consecutive_failed_dag_runs is not None:
        dag.max_consecutive_failed_dag_runs = pipeline.max_consecutive_failed_dag_runs
    dag.pipeline = pipeline  # type: ignore[attr-defined]  # for the ledger, whatever its tasks are made of
    nodes = _nodes(pipeline, dag)
    for before, after in pipeline.edges:
        nodes[after].set_upstream(nodes[before])
    if told_by := _failure_notifiers(nodes):
        dag.on_failure_callback, dag.has_on_failure_callback = [UntoldFailures(told_by)], True
    return dag


def _failure_notifiers(nodes: Mapping[str, Node]) -> dict[str, AlertNotifier]:
    """Return what tells of each task's failure, if anything does; not of tasks that are mapped."""
    found: dict[str, AlertNotifier] = {}
    for name, node in nodes.items():
        for callback in getattr(node, "on_failure_callback", None) or ():
            if isinstance(callback, AlertNotifier) and not isinstance(node, MappedOperator):
                found[name] = callback
    return found


def dag_config(pipeline: Pipeline) -> dict[str, Any]:
    """Return the envelope in dag-factory's language; nothing in it is left for dag-factory to expand."""
    config = {
        "dag_display_name": pipeline.dag_display_name,
        "description": pipeline.description,
        "schedule": to_airflow(pipeline.schedule, pipeline.timezone),
        "start_date": pipeline.start_date,
        "end_date": pipeline.end_date,
        "timezone": pipeline.timezone,
        "catchup": pipeline.catchup,
        "max_active_runs": pipeline.max_active_runs,
        "max_active_tasks": pipeline.max_active_tasks,
        "dagrun_timeout": pipeline.dagrun_timeout,
        "tags": list(pipeline.tags),
        "default_args": dict(pipeline.default_args),
        "doc_md": describe(pipeline),
        "is_paused_upon_creation": pipeline.is_paused_upon_creation,
        "render_template_as_native_obj": pipeline.render_template_as_native_obj,
        "params": _params(pipeline.params),
        "tasks": {},
    }
    return {key: value for key, value in config.items() if value is not None or key == "schedule"}


def _params(params: Mapping[str, Mapping[str, Any]]) -> dict[str, Param]:
    """The trigger form."""
    return {name: Param(**keywords) for name, keywords in params.items()}


def _groups(pipeline: Pipeline, dag: DAG) -> dict[str, Node]:
    """Task groups by full id; the pipeline lists a group before those inside it."""
    groups: dict[str, Node] = {}
    for group in pipeline.groups:
        groups[group.group_id] = TaskGroup(
            group_id=group.group_id.rpartition(".")[2],
            parent_group=groups.get(group.parent) or dag.task_group,
            tooltip=group.tooltip,
            dag=dag,
        )
    return groups


def _nodes(pipeline: Pipeline, dag: DAG) -> dict[str, Node]:
    """Groups and tasks by full id; ConfigError with the problems of every task that cannot be made."""
    nodes = _groups(pipeline, dag)
    problems: list[Problem] = []
    for task in _producers_first(pipeline.tasks):
        try:
            nodes[task.task_id] = _node(task, pipeline, dag, nodes)
        except ConfigError as error:
            problems += error.problems
        except KeyError:
            if not problems:  # else it is mapped over a task that could not be made
                raise
    if problems:
        raise ConfigError(problems)
    return nodes


def _producers_first(tasks: tuple[Task, ...]) -> Iterable[Task]:
    """The tasks, each after those whose results it is mapped over."""
    if not any(_producers(task) for task in tasks):
        return tasks
    by_id = {task.task_id: task for task in tasks}
    order = TopologicalSorter({task.task_id: [name for name in _producers(task) if name in by_id] for task in tasks})
    return (by_id[task_id] for task_id in order.static_order())


def _producers(task: Task) -> list[str]:
    values = [*task.expand.values(), task.expand_kwargs]
    return [value["output_of"] for value in values if isinstance(value, Mapping) and "output_of" in value]


def _node(task: Task, pipeline: Pipeline, dag: DAG, nodes: Mapping[str, Node]) -> Node:
    operator = OPERATORS.get(task.operator, task.operator)
    parameters = {**_sections_for(operator, task, pipeline), **task.parameters}
    if problems := unfit_parameters(task, operator, pipeline):
        raise ConfigError(problems)
    settings = {
        "task_id": task.task_id.rpartition(".")[2],
        "dag": dag,
        "task_group": nodes[task.group] if task.group else dag.task_group,
        **task.settings,
        **_assets(task),
    }
    try:
        node = _make(operator, {**parameters, **settings}, task, nodes)
    except Exception as error:  # an operator may refuse its parameters with whatever it likes
        raise ConfigError([explain(error, task, pipeline)]) from error
    if getattr(type(node), "locate", None) is nowhere:  # one of ours, or made of one; mapped ones have no place
        node.locate, node.path = pipeline.locate, task.path
    _attach(node, _callbacks(task, pipeline))
    if pipeline.told_of("on_recovery", task) or _remembers(node):
        _give_memory(node, pipeline)
    return node


def _attach(node: Node, callbacks: Mapping[str, list[Any]]) -> None:
    """Done after the node is made: dag-factory takes only one callback for each event."""
    if isinstance(node, MappedOperator):
        node.partial_kwargs.update(callbacks)
    else:
        for name, added in callbacks.items():
            setattr(node, name, [*(getattr(node, name) or ()), *added])


def _remembers(node: Node) -> bool:
    return getattr(node.operator_class if isinstance(node, MappedOperator) else node, "remembers", False)


def _give_memory(node: Node, pipeline: Pipeline) -> None:
    """Airflow lets a task use the state store of its own assets only."""
    inlets = node.partial_kwargs.setdefault("inlets", []) if isinstance(node, MappedOperator) else node.inlets
    memory = asset_of(pipeline.dag_id)
    if memory not in inlets:
        inlets.append(memory)


def _make(operator: str, arguments: dict[str, Any], task: Task, nodes: Mapping[str, Node]) -> Node:
    if task.expand_kwargs is not None:  # the one thing that dag-factory does not know
        return _class_of(operator).partial(**arguments).expand_kwargs(_mapped_over(task.expand_kwargs, nodes))
    if task.expand:
        arguments["expand"] = {name: _mapped_over(value, nodes) for name, value in task.expand.items()}
    return DagBuilder.make_task(operator, arguments)


def _mapped_over(value: Any, nodes: Mapping[str, Node]) -> Any:
    return nodes[value["output_of"]].output if isinstance(value, Mapping) and "output_of" in value else value


def _assets(task: Task) -> dict[str, list[str]]:
    """URIs as they are; dag-factory makes assets of them."""
    return {name: list(uris) for name, uris in (("outlets", task.outlets), ("inlets", task.inlets)) if uris}


def _callbacks(task: Task, pipeline: Pipeline) -> dict[str, list[Any]]:
    """Alerts about the task: on the channels that it names itself, else on those of the pipeline."""
    found: dict[str, list[Any]] = {}
    if not task.alerts and "alerts" not in pipeline.sections:
        return found
    for event in EVENTS:
        if names := pipeline.told_of(event, task):
            alerts = pipeline.sections["alerts"]
            for name, made in notifiers(event, names, alerts, lambda: place(pipeline.locate, *task.path)).items():
                found[name] = [*found.get(name, ()), *made]
    return found


def _sections_for(operator: str, task: Task, pipeline: Pipeline) -> dict[str, Any]:
    """The sections that an operator of ours asks for by naming them in its constructor."""
    if operator not in OPERATORS.values():
        return {}
    sections = dict(pipeline.sections)
    if "alerts" in sections:
        waiting = list(pipeline.told_of("on_waiting", task))
        refused = pipeline.told_of_refusal(task)
        sections["alerts"] = {**sections["alerts"], "on_refused": refused, "on_waiting": waiting}
    return {name: sections[name] for name in _parameters(operator) if name in sections}


@cache
def _parameters(operator: str) -> tuple[str, ...]:
    return tuple(inspect.signature(_class_of(operator)).parameters)


def _class_of(operator: str) -> Any:
    module, _, name = operator.rpartition(".")
    return getattr(importlib.import_module(module), name)
