"""What only an operator's class can tell is wrong with a task, as problems at the task's line."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from driftgate.config import schemas
from driftgate.config.foreign import NOT_OURS
from driftgate.config.words import closest, suggest_key

_BASE = "airflow.sdk.BaseOperator"

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
        return [_problem(pipeline, task, ("operator",), "operator-import", message, _what_there_is(operator))]
    except TypeError as error:
        hint = "name an Airflow operator's class"
        return [_problem(pipeline, task, ("operator",), "not-an-operator", str(error), hint)]
    return [*_unknown(task, operator, known, pipeline), *_missing(task, operator, known, required, pipeline)]


def _unknown(task: Task, operator: str, known: frozenset[str], pipeline: Pipeline) -> Iterator[Problem]:
    given = [(key,) for key in task.parameters] + [("expand", key) for key in task.expand]
    unknown = [path for path in given if path[-1] not in known] if known else []
    if not unknown:
        return
    name, own = operator.rpartition(".")[2], sorted(known - _signature(_BASE)[0])
    possible = sorted({*known, *schemas.task_keys()} - NOT_OURS.keys())
    for path in unknown:
        hint = suggest_key(path[-1], possible, f"{name} takes {', '.join(own)}" if own else "remove it")
        yield _problem(pipeline, task, path, "unknown-parameter", f"{name} has no parameter '{path[-1]}'", hint)


def _missing(
    task: Task, operator: str, known: frozenset[str], required: frozenset[str], pipeline: Pipeline
) -> Iterator[Problem]:
    given = {*task.parameters, *task.expand}
    meant = {closest(key, required) for key in given - known}  # a misspelt one is told as unknown
    for key in sorted(required - given - meant) if task.expand_kwargs is None else ():
        message = f"{operator.rpartition('.')[2]} needs '{key}'"
        yield _problem(pipeline, task, ("operator",), "missing-parameter", message, f"add '{key}:' to the task")


def explain(error: Exception, task: Task, pipeline: Pipeline) -> Problem:
    """Return a problem for whatever an operator said when it was constructed, at the parameter that it speaks of."""
    words = (str(error).splitlines() or [type(error).__name__])[0]
    named = [key for key, value in task.parameters.items() if _speaks_of(words, key) or _speaks_of(words, value)]
    message = f"task '{task.task_id}' cannot be built: {words}"
    path = (named[0] if len(named) == 1 else "operator",)
    return _problem(pipeline, task, path, "cannot-build", message, "the operator itself refused its parameters")


def _speaks_of(words: str, what: Any) -> bool:
    name = what.rpartition(".")[2] if isinstance(what, str) else ""
    return len(name) > 1 and re.search(rf"\b{re.escape(name)}\b", words) is not None


def _what_there_is(operator: str) -> str:
    """Return a hint for a path that leads nowhere: the name that was meant, as far as the path can be followed."""
    parts = operator.split(".")
    for depth in range(1, len(parts)):
        module = _import(".".join(parts[:depth]))
        if module is None or (depth < len(parts) - 1 and _import(".".join(parts[: depth + 1]))):
            continue
        meant = closest(parts[depth], _names_in(module))
        if meant and meant != parts[depth]:
            return f"did you mean '{'.'.join([*parts[:depth], meant, *parts[depth + 1 :]])}'?"
    return "check the path, and that the provider package is installed"


def _import(module: str) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _names_in(module: ModuleType) -> list[str]:
    below = {found.name for found in pkgutil.iter_modules(getattr(module, "__path__", ()))}
    prefix = f"{module.__name__}."  # what has no __init__.py, such as airflow.providers, is found among the imported
    imported = {name.removeprefix(prefix).split(".")[0] for name in sys.modules if name.startswith(prefix)}
    return sorted(below | imported | {name for name, value in vars(module).items() if isinstance(value, type)})


def _problem(pipeline: Pipeline, task: Task, path: tuple[str, ...], code: str, message: str, hint: str) -> Problem:
    at_key = code == "unknown-parameter"
    return pipeline.layers.problem((*task.path, *path), code, message, hint, at_key=at_key)


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
