"""Whether a task can be expanded into several as it says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from driftgate.config import schemas
from driftgate.config.conform import findings
from driftgate.config.draft import Draft, mapping, sequence
from driftgate.config.hints import as_written, how_to_add
from driftgate.config.sentences import explain
from driftgate.config.tree import Node
from driftgate.config.words import KeyPath, called, closest, show, suggest
from driftgate.errors import Problem

_KEYS = ("expand", "expand_kwargs")
_ONCE = ("approval", "decide_action")  # operators that must run exactly once


def given(task: Mapping[str, Any]) -> set[str]:
    """Return the parameters that ``expand`` and ``expand_kwargs`` of a task may give."""
    each = [keys for keys in sequence(task.get("expand_kwargs")) if isinstance(keys, dict)]
    return set(mapping(task.get("expand"))) | {key for keys in each for key in keys}


def meant(task: Mapping[str, Any], required: Collection[str]) -> set[str]:
    """Return the required parameters that they give, misspelt ones included: those are told as unknown keys."""
    return {closest(key, required) or key for key in given(task)}


def always_given(task: Mapping[str, Any]) -> set[str] | None:
    """Return the parameters that every run of the task gets from them; None if only Airflow will know."""
    kwargs = task.get("expand_kwargs")
    if isinstance(kwargs, dict):
        return None
    each = [set(keys) for keys in sequence(kwargs) if isinstance(keys, dict)]
    return set(mapping(task.get("expand"))) | (set.intersection(*each) if each else set())


def misused(task: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    """Return where one of the two is as_written as the other, or without its parameter: place, message, hint."""
    task = mapping(task)
    parameter = next((key for key in schemas.parameters(_operator(task)).get("required", ()) if key not in task), "…")
    values, kwargs = task.get("expand"), task.get("expand_kwargs")
    if isinstance(kwargs, dict) and kwargs and not any(closest(key, ("output_of",)) for key in kwargs):
        message = f"{called((*path, _KEYS[1]))} must be a list of mappings, or {{output_of: task}}, not a mapping"
        yield (*path, _KEYS[1]), message, f"write expand: {as_written(kwargs)}"
    if isinstance(values, dict) and set(values) == {"output_of"}:
        place = (*path, "expand", "output_of")
        message = f"{called(place)} stands where a parameter must"
        yield (
            place,
            message,
            f"write expand: {{{parameter}: {as_written(values)}}}, or expand_kwargs: {as_written(values)}",
        )
    elif isinstance(values, list | str):
        message = f"{called((*path, 'expand'))} must be a mapping, not {show(values)}"
        listed = values if isinstance(values, list) else [values]
        yield (*path, "expand"), message, f"write expand: {{{parameter}: {as_written(listed)}}}"


def _operator(task: Mapping[str, Any]) -> str:
    operator = task.get("operator")
    return operator if isinstance(operator, str) else ""


def check_expansion(draft: Draft) -> Iterator[Problem]:
    """Return the problems of every task that is expanded."""
    for node in draft.tasks.values():
        if node.data.keys() & set(_KEYS):
            yield from _check_task(draft, node)


def _check_task(draft: Draft, node: Node) -> Iterator[Problem]:
    if node.operator in _ONCE:
        key = next(key for key in _KEYS if key in node.data)
        message = f"{called((*node.path, key))}: {node.operator} makes one decision in a run and cannot be expanded"
        yield draft.layers.problem((*node.path, key), "not-expandable", message, "remove it", at_key=True)
        return
    if all(key in node.data for key in _KEYS):
        message = f"{called(node.path)} has both expand and expand_kwargs"
        yield draft.layers.problem((*node.path, _KEYS[1]), "expanded-twice", message, "keep one of them", at_key=True)
    for path, key, values in _parameters(node):
        yield from _check_parameter(draft, node, path, key, values)
    yield from _missing(draft, node)


def _parameters(node: Node) -> Iterator[tuple[KeyPath, str, list[tuple[KeyPath, Any]]]]:
    """Return each parameter that is given: where, its name, and its values with their places."""
    for key, values in mapping(node.data.get("expand")).items():
        path = (*node.path, "expand", key)
        yield path, key, [((*path, index), value) for index, value in enumerate(sequence(values))]
    for index, keys in enumerate(sequence(node.data.get("expand_kwargs"))):
        for key, value in mapping(keys).items():
            path = (*node.path, "expand_kwargs", index, key)
            yield path, key, [(path, value)]


def _check_parameter(
    draft: Draft, node: Node, path: KeyPath, key: str, values: list[tuple[KeyPath, Any]]
) -> Iterator[Problem]:
    known = schemas.parameters(node.operator)["properties"]
    own = node.operator in schemas.operators()
    if key in schemas.task_keys():
        message = (
            f"{called(path)}: '{key}' is a setting of the task, and only parameters of its operator can be expanded"
        )
        yield draft.layers.problem(path, "not-expandable", message, "set it once, beside expand", at_key=True)
    elif own and key not in known:
        where = called(path[:-1])
        hint = suggest(key, known, f"{node.operator} has {', '.join(known) or 'no parameters'}")
        yield draft.layers.problem(path, "unknown-key", f"unknown key '{key}' in {where}", hint, at_key=True)
    elif key in node.data:
        message = f"{called(path)}: '{key}' is given twice, here and in the task itself"
        yield draft.layers.problem(path, "given-twice", message, "keep one of the two", at_key=True)
    else:
        for place, value in values if own else ():
            for finding in findings(value, known[key], place):
                yield from explain(finding, draft.layers)


def _missing(draft: Draft, node: Node) -> Iterator[Problem]:
    """Return a problem for each required parameter that only some of expand_kwargs give."""
    schema, items = schemas.parameters(node.operator), sequence(node.data.get("expand_kwargs"))
    once = {*node.data, *mapping(node.data.get("expand"))}
    for key in schema.get("required", ()):
        for index, keys in enumerate(items if key in given(node.data) - once else ()):
            if isinstance(keys, dict) and key not in meant({"expand": keys}, [key]):
                path = (*node.path, "expand_kwargs", index)
                message = f"{called(path)} has no '{key}'"
                hint = how_to_add(key, schema["properties"][key])
                yield draft.layers.problem(path, "missing-key", message, hint)
