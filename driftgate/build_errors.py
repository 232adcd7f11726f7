"""What only an operator's class can tell is wrong with a task, as problems at the task's line."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from driftgate.config.words import suggest

if TYPE_CHECKING:
    from driftgate.config.model import Pipeline, Task
    from driftgate.errors import Problem


def unfit_parameters(task: Task, operator: str, pipeline: Pipeline) -> list[Problem]:
    """Return what is wrong with a task whose operator is given by a dotted path, before it is constructed."""
    if task.operator != operator:  # one of ours: its schema has been checked already
        return []
    try:
        known, required = _signature(operator)
    except (ImportError, AttributeError) as error:
        message = f"operator '{operator}' cannot be imported: {error}"
        hint = "check the path, and that the provider package is installed"
        return [_problem(pipeline, task, "operator", "operator-import", message, hint)]
    except TypeError as error:
        return [_problem(pipeline, task, "operator", "not-an-operator", str(error), "name an Airflow operator's class")]
    given = {*task.parameters, *task.expand}
    name = operator.rpartition(".")[2]
    unknown = [
        _problem(
            pipeline, task, key, "unknown-parameter", f"{name} has no parameter '{key}'", suggest(key, sorted(known))
        )
        for key in task.parameters
        if known and key not in known
    ]
    missing = [] if task.expand_kwargs is not None else sorted(required - given)
    return unknown + [
        _problem(pipeline, task, "operator", "missing-parameter", f"{name} needs '{key}'", f"add '{key}:' to the task")
        for key in missing
    ]


def explain(error: Exception, task: Task, pipeline: Pipeline) -> Problem:
    """Return a problem for whatever an operator said when it was constructed."""
    words = (str(error).splitlines() or [type(error).__name__])[0]
    message = f"task '{task.task_id}' cannot be built: {words}"
    return _problem(pipeline, task, "operator", "cannot-build", message, "the operator itself refused its parameters")


def _problem(pipeline: Pipeline, task: Task, key: str, code: str, message: str, hint: str) -> Problem:
    at_key = key != "operator"
    return pipeline.layers.problem((*task.path, key), code, message, hint, at_key=at_key)


@cache
def _signature(operator: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that an operator's constructors take, along the line of its base classes, and those it needs.

    No names at all when some constructor hides them. Raises ImportError, AttributeError, or TypeError when the
    path names something else.
    """
    module, _, name = operator.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    from airflow.sdk import BaseOperator

    if not (isinstance(found, type) and issubclass(found, BaseOperator)):
        raise TypeError(f"'{operator}' is not an Airflow operator")
    known: set[str] = set()
    for cls in found.__mro__:
        if "__init__" in vars(cls):
            parameters = _own_parameters(cls)
            known |= {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    required = {p.name for p in _own_parameters(found) if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    return frozenset(known), frozenset(required - {"task_id", "args"})


def _own_parameters(cls: Any) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(cls.__init__).parameters.values() if p.name != "self"]
