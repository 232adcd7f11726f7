"""Schema errors as problems that say what is wrong with the actual value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from driftgate.config import schemas
from driftgate.config.layers import Layers
from driftgate.config.sentences import Finding, explain
from driftgate.config.source import MAX_PROBLEMS
from driftgate.config.words import KeyPath, dotted, show, suggest
from driftgate.errors import Problem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


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
    yield from _check(layers, layers.data, _envelope_validator(), ())
    tasks = layers.data.get("tasks")
    for task_id, task in tasks.items() if isinstance(tasks, dict) else ():
        yield from _check_task(layers, task_id, task)


def _check_task(layers: Layers, task_id: str, task: Any) -> Iterator[Problem]:
    path = ("tasks", task_id)
    operator = task.get("operator") if isinstance(task, dict) else None
    known = operator if operator in schemas.operators() else None
    if isinstance(operator, str) and not known and not _DOTTED_PATH.fullmatch(operator):
        yield _unknown_operator(layers, (*path, "operator"), operator)
    # Without a known operator nobody can tell which keys of its own the task may have.
    yield from _check(layers, task, _task_validator(known), path)


def _unknown_operator(layers: Layers, path: KeyPath, operator: str) -> Problem:
    message = f"{dotted(path)} must be an operator, not {show(operator)}"
    hint = f"operators: {', '.join(schemas.operators())}; any other Airflow operator by its dotted path"
    return layers.problem(path, "unknown-operator", message, suggest(operator, schemas.operators(), hint))


def _check(layers: Layers, data: Any, validator: Validator, base: KeyPath) -> Iterator[Problem]:
    for error in islice(validator.iter_errors(data), MAX_PROBLEMS):
        yield from explain(_finding(error, base), layers)


def _finding(error: ValidationError, base: KeyPath) -> Finding:
    path, keyword = (*base, *error.absolute_path), str(error.validator)
    if "propertyNames" in error.absolute_schema_path:  # about a key, and reported at its mapping
        path, keyword = (*path, str(error.instance)), "propertyNames"
    schema = error.schema if isinstance(error.schema, dict) else {}
    return Finding(path, keyword, error.validator_value, error.instance, schema)


@lru_cache(maxsize=1)
def _envelope_validator() -> Validator:
    validator: Validator = _validator_class()(schemas.envelope())
    return validator


@lru_cache(maxsize=256)
def _task_validator(operator: str | None) -> Validator:
    validator: Validator = _validator_class()(schemas.task(operator or ""))
    return validator


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    # Imported late: reading a configuration for other purposes need not wait for it.
    from jsonschema import validators

    draft = validators.Draft202012Validator
    types = draft.TYPE_CHECKER.redefine("integer", _is_whole)
    keywords = {"pattern": _pattern, "uniqueItems": _unique_items}
    return validators.extend(draft, keywords, type_checker=types)  # type: ignore[no-untyped-call]


def _is_whole(checker: Any, value: Any) -> bool:
    """Tell whether ``value`` is written as a whole number: 2.0 would reach Airflow as a float."""
    return isinstance(value, int) and not isinstance(value, bool)


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Check a pattern as JSON Schema means it: Python's ``$`` would let a final line break pass."""
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _unique_items(validator: Any, unique: bool, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Check for repeated scalars in linear time; lists hold nothing else that could be repeated."""
    from jsonschema.exceptions import ValidationError

    seen = set()
    for index, item in enumerate(value if unique and isinstance(value, list) else ()):
        if isinstance(item, str | int | float):
            key = (isinstance(item, bool), item)
            if key in seen:
                yield ValidationError(f"{item!r} is repeated", path=[index], instance=item)
            seen.add(key)
