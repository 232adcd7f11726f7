"""Whether the params of a pipeline make a form that Airflow accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from driftgate.config import schemas
from driftgate.config.conform import findings
from driftgate.config.draft import Draft, is_number, mapping
from driftgate.config.hints import flow
from driftgate.config.sentences import explain
from driftgate.config.words import KeyPath, called, listing, show, suggest
from driftgate.errors import Problem

_FORMATS = {"date": date.fromisoformat, "date-time": datetime.fromisoformat, "time": time.fromisoformat}
_SAMPLES = {"date": "2026-01-31", "date-time": "2026-01-31T06:00:00+00:00", "time": "06:00:00"}
# keys of a param that say what its value must be, and are checked as the JSON Schema that they are
_RULES = ("type", "enum", "minimum", "maximum", "minLength", "maxLength")


def as_param(value: Any) -> dict[str, Any]:
    """Return what Airflow's Param takes for a param as it is written: a plain value is its default."""
    return dict(value) if isinstance(value, dict) else {"default": value}


def required(params: Any) -> list[str]:
    """Return the params that have no value unless a person enters one."""
    return [name for name, param in mapping(params).items() if "default" not in as_param(param)]


def check_params(draft: Draft) -> Iterator[Problem]:
    """Return the problems of the pipeline's params."""
    params = mapping(draft.layers.data.get("params"))
    for name, param in params.items():
        if isinstance(param, dict):
            yield from _check_param(draft, ("params", name), param)
    if draft.layers.data.get("schedule") is not None:
        sound = {name: param for name, param in params.items() if _is_sound(param)}
        for name in required(sound):
            message = f"params.{name} has no default, so the pipeline cannot run on its schedule"
            hint = "add a default, or write schedule: null for a pipeline started by hand"
            yield draft.layers.problem(("params", name), "param-required", message, hint, at_key=True)


def _check_param(draft: Draft, path: KeyPath, param: Mapping[str, Any]) -> Iterator[Problem]:
    kind, kinds = param.get("type"), schemas.definition("param")["properties"]["type"]["items"]["enum"]
    if isinstance(kind, str) and kind not in kinds:
        message = f"{called(path)}.type must be {listing(kinds)}, not {show(kind)}"
        yield draft.layers.problem((*path, "type"), "not-a-choice", message, suggest(kind, kinds))
        return
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if is_number(param.get(low)) and is_number(param.get(high)) and param[low] > param[high]:
            message = f"{called(path)}.{low} ({param[low]}) must not be above {high} ({param[high]})"
            yield draft.layers.problem((*path, low), "range-order", message, "swap the two")
            return
    if "default" in param and _is_sound(param):
        yield from _check_default(draft, (*path, "default"), param)


def _is_sound(param: Any) -> bool:
    return not any(findings(param, schemas.definition("param")))


def _check_default(draft: Draft, path: KeyPath, param: Mapping[str, Any]) -> Iterator[Problem]:
    value, rules = param["default"], {key: param[key] for key in _RULES if key in param}
    if finding := next(findings(value, rules, path), None):
        yield from explain(finding, draft.layers)
        return
    shape = param.get("format")
    if isinstance(value, str) and shape in _FORMATS:
        try:
            _FORMATS[shape](value)
        except ValueError:
            message = f"{called(path)} must be a {shape}, not {show(value)}"
            yield draft.layers.problem(path, "wrong-format", message, f"such as {flow(_SAMPLES[shape])}")
