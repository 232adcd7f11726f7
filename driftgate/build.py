"""From a Pipeline to an Airflow DAG, through dag-factory."""

from __future__ import annotations

import importlib
import inspect
import logging
import warnings
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from driftgate.docs import describe
from operators import OPERATORS
from operators.base import DriftgateOperator

with warnings.catch_warnings():
    # dag-factory also knows the names that Airflow 2 used, and says at each import what is not installed.
    warnings.simplefilter("ignore")
    logging.getLogger("dagfactory").setLevel(logging.WARNING)
    from dagfactory.dagbuilder import DagBuilder

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from driftgate.config.model import Pipeline, Task


def build_dag(pipeline: Pipeline) -> DAG:
    """Return the DAG of a validated pipeline. Same pipeline, same DAG: no clock, no chance, no environment."""
    built = DagBuilder(pipeline.dag_id, dag_config(pipeline), {}).build()
    dag: DAG = built["dag"]
    dag.tags = set(pipeline.tags)  # dag-factory adds one of its own
    for task in dag.tasks:
        if isinstance(task, DriftgateOperator):
            task.locate = pipeline.locate
    return dag


def dag_config(pipeline: Pipeline) -> dict[str, Any]:
    """Return ``pipeline`` in dag-factory's language; nothing in it is left for dag-factory to expand."""
    config = {
        "description": pipeline.description,
        "schedule": pipeline.schedule,
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
        "tasks": {task.task_id: _task_config(task, pipeline) for task in pipeline.tasks},
    }
    return {key: value for key, value in config.items() if value is not None or key == "schedule"}


def _task_config(task: Task, pipeline: Pipeline) -> dict[str, Any]:
    operator = OPERATORS.get(task.operator, task.operator)
    return {
        "operator": operator,
        "dependencies": list(task.depends_on),
        **_sections_for(operator, pipeline.sections),
        **task.parameters,
        **task.settings,
    }


def _sections_for(operator: str, sections: Mapping[str, Any]) -> dict[str, Any]:
    """The sections that an operator of ours asks for by naming them in its constructor."""
    if operator not in OPERATORS.values():
        return {}
    return {name: sections[name] for name in _parameters(operator) if name in sections}


@cache
def _parameters(operator: str) -> tuple[str, ...]:
    module, _, name = operator.rpartition(".")
    return tuple(inspect.signature(getattr(importlib.import_module(module), name)).parameters)
