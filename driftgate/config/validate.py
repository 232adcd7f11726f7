"""Schema errors as problems that say what is wrong with the actual value."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from driftgate.config import mapped, schemas
from driftgate.config.channels import check_types
from driftgate.config.conform import Schema, findings
from driftgate.config.layers import Layers
from driftgate.config.places import stands_for
from driftgate.config.sentences import explain
from driftgate.config.source import MAX_PROBLEMS
from driftgate.config.standard import path_of
from driftgate.config.tree import DOTTED_PATH, is_group, own_operator
from driftgate.config.words import KeyPath, called, closest, shorten, suggest
from driftgate.errors import Problem


def validate(layers: Layers) -> list[Problem]:
    """Return everything that the schemas have against the effective configuration."""
    return list(islice(_unique(_problems(layers)), MAX_PROBLEMS))


def _unique(problems: Iterator[Problem]) -> Iterator[Problem]:
    seen: set[Problem] = set()
    for problem in problems:
        if problem not in seen:
            seen.add(problem)
            yield problem


def _problems(layers: Layers) -> Iterator[Problem]:
    yield from _check(layers, layers.data, schemas.envelope(), ())
    yield from check_types(layers)
    yield from _check_conditions(layers, layers.data.get("schedule"), ("schedule",))
    yield from _check_tasks(layers, layers.data.get("tasks"), ("tasks",))


def _check_conditions(layers: Layers, condition: Any, path: KeyPath) -> Iterator[Problem]:
    """Check the assets of a schedule, however deep they are nested."""
    for key in ("any", "all") if isinstance(condition, dict) else ():
        inner = condition.get(key)
        for index, item in enumerate(inner if isinstance(inner, list) else ()):
            yield from _check(layers, item, schemas.definition("condition"), (*path, key, index))
            yield from _check_conditions(layers, item, (*path, key, index))


def _check_tasks(layers: Layers, tasks: Any, path: KeyPath) -> Iterator[Problem]:
    for name, entry in tasks.items() if isinstance(tasks, dict) else ():
        if is_group(entry):
            yield from _check(layers, entry, schemas.group(), (*path, name))
            yield from _check_tasks(layers, entry.get("tasks"), (*path, name, "tasks"))
        else:
            yield from _check_task(layers, (*path, name), entry)


def _check_task(layers: Layers, path: KeyPath, task: Any) -> Iterator[Problem]:
    if stray := _stray_part(layers, path, task):
        yield stray
        return
    operator = task.get("operator") if isinstance(task, dict) else None
    known = operator if operator in schemas.operators() else None
    misused = list(mapped.misused(task, path))
    # Without a known operator nobody can tell which keys of its own the task may have.
    schema = _task_schema(known or "", task, unsure=bool(misused))
    if isinstance(operator, str) and not known and (own_operator(operator) or not DOTTED_PATH.fullmatch(operator)):
        yield _unknown_operator(layers, (*path, "operator"), operator)
    for place, message, hint in misused:
        yield layers.problem(place, "wrong-type", message, hint)
        task = {key: value for key, value in task.items() if key != place[len(path)]}
    yield from _check(layers, task, schema, path)


def _task_schema(operator: str, task: Any, *, unsure: bool) -> Schema:
    """Return the schema of a task, which need not require what ``expand`` gives."""
    schema = schemas.task(operator)
    if not isinstance(task, dict) or not task.keys() & {"expand", "expand_kwargs"}:
        return schema
    unsure = unsure or mapped.always_given(task) is None
    elsewhere = set(schema["required"]) if unsure else mapped.meant(task, schema["required"])
    return {**schema, "required": [key for key in schema["required"] if key == "operator" or key not in elsewhere]}


def _unknown_operator(layers: Layers, path: KeyPath, operator: str) -> Problem:
    message = f"{called(path)}: there is no operator '{shorten(operator)}'"
    hint = f"operators: {', '.join(schemas.operators())}; any other Airflow operator by its dotted path"
    standard = own_operator(operator) or path_of(operator)  # by its class, no check would know it for what it is
    hint = f"write {standard}" if standard else suggest(operator, schemas.operators(), hint)
    return layers.problem(path, "unknown-operator", message, hint)


def _stray_part(layers: Layers, path: KeyPath, task: Any) -> Problem | None:
    """Return the problem of a task that means to change one of another file, and misses its name."""
    if not isinstance(task, dict) or "operator" in task or any(stands_for(key, ("operator",)) for key in task):
        return None
    siblings = {name: layers.place((*path[:-1], name))[0] for name in layers.at(path[:-1]) if name != path[-1]}
    own = layers.place(path)[0]
    meant = closest(str(path[-1]), [name for name, file in siblings.items() if file != own])
    if not meant:
        return None
    message = f"{called(path)} has no 'operator', and no other file has a task of this name"
    hint = f"did you mean '{shorten(meant)}', which is in {siblings[meant]}?"
    return layers.problem(path, "missing-key", message, hint, at_key=True)


def _check(layers: Layers, data: Any, schema: Schema, base: KeyPath) -> Iterator[Problem]:
    for finding in islice(findings(data, schema, base), MAX_PROBLEMS):
        yield from explain(finding, layers)
