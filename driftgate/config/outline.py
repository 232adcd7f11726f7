"""Slips of the outline: keys that stand beside the key that they belong below. A file says more once they are mended.

Indentation that is wrong throughout still makes a mapping, only another one: of ``routes:`` with nothing below it,
and of severities that no task has. What follows from such a slip is not worth reading, so it is told once and undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from driftgate.config import schemas
from driftgate.config.conform import Schema
from driftgate.config.draft import mapping, sequence
from driftgate.config.source import Document
from driftgate.config.tree import is_group
from driftgate.config.words import KeyPath, dotted, listing, shorten
from driftgate.errors import Problem

_OF_OTHERS = frozenset({"dag_id", "default_args", "description", "schedule", "schedule_interval", "start_date"})
_UNNAMED = "another_task"
_MOST_KEYS = 5  # that a message names


class Slip(NamedTuple):
    """Keys that belong below another."""

    path: KeyPath  # of the mapping in which they stand
    key: str  # below which they belong; "" if it is missing
    fallen: tuple[str, ...]
    header: str = ""  # the key of the top level that is missing above them


def mend(document: Document, *, environment: bool = False) -> Document:
    """Return ``document`` with slips undone, and a problem for each."""
    if not environment and (whole := _whole_pipelines(document.data)):
        return replace(document, data={}, problems=(*document.problems, _too_deep(document, whole)), readable=False)
    slips = list(_apart(_of_environment(document.data) if environment else _slips(document.data, ())))
    second = [path for path in _second_tasks(document) if path]
    if not slips and not second:
        return document
    data = deepcopy(dict(document.data))
    told = [_told(document, slip) for slip in slips]
    problems = [problem for problem in document.problems if not _follows(problem, slips)]
    for slip in slips:
        _undo(_at(data, slip.path), _at(data, slip.path[:-1]) if slip.header else _at(data, slip.path), slip)
    for slip in slips if len(problems) < len(document.problems) else ():
        _complete(_at(data, slip.path), slip)
    for path in second:
        if isinstance(_at(data, path), dict):  # a slip may have moved it elsewhere
            problems = _without_second(document, path, data, problems)
    return replace(document, data=data, problems=(*problems, *told))


def _apart(slips: Iterable[Slip]) -> Iterator[Slip]:
    """Return the slips without those of keys that another moves, or moves with all that is around them."""
    moved = set[KeyPath]()
    for slip in slips:
        paths = {(*slip.path, key) for key in slip.fallen}
        around = {slip.path[:length] for length in range(1, len(slip.path) + 1)}
        if not moved & (paths | around):
            moved |= paths
            yield slip


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _of_environment(data: Mapping[str, Any]) -> Iterator[Slip]:
    yield from _slips(data.get("defaults"), ("defaults",))
    pipelines = mapping(data.get("pipelines"))
    yield from _bodies(pipelines, ("pipelines",), frozenset(schemas.envelope()["properties"]))
    for name, part in pipelines.items():
        yield from _slips(part, ("pipelines", name))


def _slips(data: Any, path: KeyPath) -> Iterator[Slip]:
    """Return the slips in a pipeline, or in a part of one."""
    if not isinstance(data, dict):
        return
    envelope = schemas.envelope()
    strays = tuple(key for key, value in data.items() if key not in envelope["properties"] and _is_entry(value))
    if strays and data.get("tasks") is None:
        yield Slip(path, "tasks" if "tasks" in data else "", strays)
    yield from _headless(data, envelope, path)
    yield from _below_nothing(data, envelope, path)
    yield from _in_tasks(data.get("tasks"), (*path, "tasks"))


def _headless(data: Mapping[str, Any], schema: Schema, path: KeyPath) -> Iterator[Slip]:
    """Return for each section the keys at which another one begins whose name is missing above them."""
    properties = schema["properties"]
    missing = [key for key, rules in properties.items() if rules.get("type") == "object" and key not in data]
    for section in schemas.sections():
        known = properties[section]["properties"]
        strays = tuple(key for key in mapping(data.get(section)) if key not in known)
        for other in missing if strays else ():
            if all(_begins(key, data[section][key], other, properties[other]) for key in strays):
                yield Slip((*path, section), other, strays, header=other)
                missing.remove(other)
                break


def _begins(key: str, value: Any, section: str, schema: Schema) -> bool:
    return _is_entry(value) if section == "tasks" else key in schema.get("properties", {})


def _below_nothing(data: Mapping[str, Any], schema: Schema, path: KeyPath) -> Iterator[Slip]:
    """Return for each key without a value the keys beside it that can only be meant to be its value."""
    properties = schema.get("properties", {})
    for key, value in data.items():
        inner = properties.get(key, {})
        if value is None and inner.get("type") == "object":
            fallen = tuple(other for other in data if other not in properties and _fits(other, data[other], inner))
            if fallen:
                yield Slip(path, key, fallen)
        elif isinstance(value, dict) and inner.get("properties"):
            yield from _below_nothing(value, inner, (*path, key))
        elif isinstance(value, dict) and (rules := mapping(inner.get("additionalProperties")).get("properties")):
            plain = frozenset(rules) - {name for name, entry in value.items() if isinstance(entry, dict)}
            yield from _bodies(value, (*path, key), plain)


def _fits(key: str, value: Any, schema: Schema) -> bool:
    others = schema.get("additionalProperties")
    rules = others.get("properties") if isinstance(others, dict) else None
    return key in schema.get("properties", {}) or bool(
        rules and isinstance(value, dict) and rules.keys() & value.keys()
    )


def _in_tasks(tasks: Any, path: KeyPath) -> Iterator[Slip]:
    if not isinstance(tasks, dict):
        return
    if not all(isinstance(entry, dict) for entry in tasks.values()):
        yield from _bodies(tasks, path, _keys_of_tasks())
    for name, entry in tasks.items():
        here = (*path, name)
        strays = tuple(key for key, value in mapping(entry).items() if key != "tasks" and _is_entry(value))
        if strays and "operator" not in entry and entry.get("tasks") is None:
            yield Slip(here, "tasks" if "tasks" in entry else "", strays)
        elif is_group(entry):
            yield from _in_tasks(entry.get("tasks"), (*here, "tasks"))
        elif None in mapping(entry).values():
            operator = entry.get("operator")
            schema = schemas.task(operator) if operator in schemas.operators() else {"properties": schemas.task_keys()}
            yield from _below_nothing(entry, schema, here)


def _bodies(entries: Mapping[str, Any], path: KeyPath, keys: frozenset[str]) -> Iterator[Slip]:
    """Return the ``keys`` that stand where tasks do, or pipelines, with the one whose they are."""
    owner, fallen = "", list[str]()
    for name, entry in [*entries.items(), ("", {})]:
        if name in keys and not _is_entry(entry):
            fallen.append(name)
            continue
        if fallen and (owner or {"operator", "type"} & set(fallen)):
            yield Slip(path, owner, tuple(fallen))
        owner, fallen = (name if entry is None else ""), []


@cache
def _keys_of_tasks() -> frozenset[str]:
    own = (schemas.parameters(operator)["properties"] for operator in schemas.operators())
    return frozenset(schemas.task_keys()).union(*own)


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and ("operator" in value or "tasks" in value)


def _told(document: Document, slip: Slip) -> Problem:
    names = [f"'{shorten(key)}'" for key in slip.fallen]
    if len(names) > _MOST_KEYS:
        names = [*names[: _MOST_KEYS - 1], f"{len(names) - _MOST_KEYS + 1} more"]
    one = len(names) == 1
    keys, them = listing(names, "and"), "it" if one else "them"
    path = (*slip.path, slip.fallen[0] if slip.header else slip.key or slip.fallen[0])
    if slip.header:
        message = f"{keys} {'belongs' if one else 'belong'} below '{slip.header}', which does not stand above {them}"
        hint = f"write {slip.header}: on a line above {them}, in the column of '{slip.path[-1]}'"
    elif slip.key:
        stand, belong = ("stands", "belongs") if one else ("stand", "belong")
        message = f"{keys} {stand} beside '{shorten(slip.key)}' and {belong} below it"
        hint = f"indent {them} by two spaces more than '{shorten(slip.key)}'"
    elif slip.path[-1:] in (("channels",), ("columns",)):
        message = f"no name stands above {keys}"
        hint = f"write the name and a ':' on a line above {them}, and indent {them} below it"
    elif slip.path[-1:] == ("tasks",):
        message = f"{keys} {'is a key' if one else 'are keys'} of a task, and no task's id stands above {them}"
        hint = f"write the id and a ':' on a line above {them}, and indent {them} below it"
    else:
        message = f"{keys} {'is a task' if one else 'are tasks'}, and no 'tasks:' stands above {them}"
        hint = f"write tasks: on a line above {them}, and indent {them} below it"
    line, column = document.position(path, at_key=True)
    if slip.key and not slip.header:
        return Problem(document.file, line, column, dotted(path), "indentation", message, hint)
    return Problem(document.file, line, column, dotted(path), "outline", message, hint)


def _undo(data: dict[str, Any], home: dict[str, Any], slip: Slip) -> None:
    """Put the keys where they belong; those of a task without an id below one of them, for want of a better name."""
    body = {key: data.pop(key) for key in slip.fallen}
    home[slip.key or ("tasks" if _is_entry(next(iter(body.values()))) else slip.fallen[0])] = body


def _complete(tasks: dict[str, Any], slip: Slip) -> None:
    """Give tasks what is missing in them because their keys were taken for a repetition of the first task's."""
    body = mapping(tasks.get(slip.key))
    for key, entry in tasks.items() if slip.key else ():
        if entry is None or (isinstance(entry, dict) and "operator" not in entry):
            tasks[key] = {**body, **mapping(entry)}


def _follows(problem: Problem, slips: Sequence[Slip]) -> bool:
    """Tell whether keys are only repeated because they slipped out of several tasks."""
    slipped = {dotted((*slip.path, key)) for slip in slips for key in slip.fallen}
    return problem.code == "duplicate-key" and problem.path in slipped


def _second_tasks(document: Document) -> Iterator[KeyPath]:
    """Return the tasks that have a second operator: another task's, whose id is missing above it."""
    repeated = {problem.path for problem in document.problems if problem.code == "duplicate-key"}
    repeated -= _twice(document) if repeated else set()
    if repeated:
        yield from (path for path in _tasks(document.data, ()) if dotted((*path, "operator")) in repeated)


def _twice(document: Document) -> set[str]:
    """Return the paths that are repeated at once, word for word."""
    lines = ["", *(line.strip() for line in document.text.splitlines())]
    repeated = (problem for problem in document.problems if problem.code == "duplicate-key")
    return {problem.path for problem in repeated if lines[problem.line] == lines[problem.line - 1]}


def _tasks(data: Any, path: KeyPath) -> Iterator[KeyPath]:
    for key, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, dict):
            yield from [(*path, key)] if "operator" in value and key != "tasks" else _tasks(value, (*path, key))


def _without_second(document: Document, path: KeyPath, data: dict[str, Any], found: list[Problem]) -> list[Problem]:
    """Return the problems with one for all of a task that begins within the one at ``path``, and part the two."""
    begins = next(problem for problem in found if problem.path == dotted((*path, "operator")))
    inside = f"{dotted(path)}."
    of_second = [problem for problem in found if problem.path.startswith(inside) and problem.line >= begins.line]
    task, tasks = _at(data, path), _at(data, path[:-1])
    second = {key: task[key] for key in task if document.position((*path, key), at_key=True) > (begins.line, 0)}
    for key in second:
        del task[key]
    name, repeated = _missing_name(tasks), {problem.path.rpartition(".")[2] for problem in of_second}
    body = {**{key: task[key] for key in repeated & task.keys()}, **second}
    if "depends_on" in repeated:
        body["depends_on"] = [path[-1]]  # most likely
    tasks.setdefault(name or _UNNAMED, _stand_in(document, begins.line, body))
    message = f"{begins.message}: another task begins here, and no id stands above it"
    line = f"{shorten(name)}:" if name else "its id and a ':'"
    hint = f"write {line} above this line, in the column of '{shorten(str(path[-1]))}'; or keep one of the two"
    return [*(problem for problem in found if problem not in of_second), replace(begins, message=message, hint=hint)]


def _missing_name(tasks: Mapping[str, Any]) -> str:
    """Return the only name that tasks speak of and none has; "" if there is no such name, or there are several."""
    said = [name for task in tasks.values() for name in sequence(mapping(task).get("depends_on"))]
    said += [name for task in tasks.values() for name in mapping(mapping(task).get("routes")).values()]
    unknown = {name for name in said if isinstance(name, str)} - tasks.keys()
    return unknown.pop() if len(unknown) == 1 else ""


def _stand_in(document: Document, line: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return a task for the one whose operator is in ``line``, so that others can speak of it."""
    operator = document.text.splitlines()[line - 1].partition(":")[2].split(" #")[0].strip().strip("'\"")
    known = schemas.task(operator)["properties"] if operator in schemas.operators() else body
    return {**{key: value for key, value in body.items() if key in known}, "operator": operator}


def _whole_pipelines(data: Mapping[str, Any]) -> list[str]:
    """Return the keys that hold a pipeline each, as in a file of dag-factory's."""
    if "tasks" in data or "extends" in data:
        return []
    return [
        key for key, value in data.items() if isinstance(value, dict) and "tasks" in value and _OF_OTHERS & value.keys()
    ]


def _too_deep(document: Document, keys: list[str]) -> Problem:
    line, column = document.position((keys[0],), at_key=True)
    message = f"'{shorten(keys[0])}' holds a whole pipeline, whose keys belong at the top level"
    hint = f"write dag_id: {shorten(keys[0])} in its place, and begin what is below it in the first column"
    hint += "; each other pipeline gets a file of its own" if len(keys) > 1 else ""
    return Problem(document.file, line, column, dotted((keys[0],)), "outline", message, hint)
