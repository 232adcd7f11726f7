"""What a schema cannot say: references, order, ranges and dates. Works on any data, however wrong its types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, pairwise
from typing import Any

from driftgate.config import graph, schemas
from driftgate.config.cron import check_schedule
from driftgate.config.dates import check_dates, check_timezone
from driftgate.config.draft import Draft, is_number, mapping, sequence
from driftgate.config.sentences import how_to_add
from driftgate.config.source import MAX_PROBLEMS
from driftgate.config.words import KeyPath, dotted, show, suggest
from driftgate.errors import Problem

# operator → the sections it works on
NEEDS_SECTION: dict[str, tuple[str, ...]] = {
    "check_data_freshness": ("dataset",),
    "check_drift": ("psi",),
    "decide_action": ("psi",),
    "evaluate_model": ("dataset", "model", "gates"),
    "promote_to_production": ("model",),
    "restart_api_service": ("model",),
    "send_alert": ("alerts",),
    "train_model": ("dataset", "model"),
    "validate_data_quality": ("dataset", "quality"),
}

# operator → the operator whose result it works on, which must therefore come somewhere before it
NEEDS_UPSTREAM: dict[str, str] = {
    "decide_action": "check_drift",
    "evaluate_model": "train_model",
    "promote_to_production": "evaluate_model",
    "restart_api_service": "promote_to_production",
    "trigger_retraining": "check_drift",
}

# metric → the least and the greatest value it can have
METRIC_RANGES: dict[str, tuple[float, float]] = {
    "accuracy": (0, 1),
    "average_precision": (0, 1),
    "balanced_accuracy": (0, 1),
    "brier": (0, 1),
    "f1": (0, 1),
    "log_loss": (0, float("inf")),
    "precision": (0, 1),
    "recall": (0, 1),
    "roc_auc": (0, 1),
}

ESTIMATOR_PACKAGES = ("sklearn", "xgboost", "lightgbm", "catboost")

_CLASS_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_NUMERIC = ("number", "integer")


def check(draft: Draft) -> list[Problem]:
    """Return everything that is wrong with the configuration beyond its schema."""
    return [problem for checker in _CHECKS for problem in islice(checker(draft), MAX_PROBLEMS)]


def _check_name(draft: Draft) -> Iterator[Problem]:
    dag_id = draft.layers.data.get("dag_id")
    if isinstance(dag_id, str) and dag_id != draft.stem:
        message = f"dag_id must equal the file's name, '{draft.stem}', not {show(dag_id)}"
        hint = f"write dag_id: {draft.stem}, or rename the file"
        yield draft.layers.problem(("dag_id",), "dag-id-not-file-name", message, hint)


def _check_schedule(draft: Draft) -> Iterator[Problem]:
    schedule = draft.layers.data.get("schedule")
    fault = check_schedule(schedule) if isinstance(schedule, str) else None
    if fault:
        yield draft.layers.problem(("schedule",), "schedule", f"schedule: {fault[0]}", fault[1])
    if schedule == "@continuous" and draft.layers.data.get("max_active_runs") != 1:
        message = "schedule: @continuous runs one run after the other, so max_active_runs must be 1"
        yield draft.layers.problem(("schedule",), "schedule", message, "write max_active_runs: 1")


def _check_calendar(draft: Draft) -> Iterator[Problem]:
    yield from check_timezone(draft.layers)
    yield from check_dates(draft.layers)


def _check_references(draft: Draft) -> Iterator[Problem]:
    for (before, after), path in draft.edges.items():
        named = after if "routes" in path[2:3] else before
        if before == after:
            message = f"{dotted(path)}: '{named}' cannot come before itself"
            yield draft.layers.problem(path, "depends-on-itself", message, "name another task, or remove it")
        elif named not in draft.tasks:
            message = f"{dotted(path)}: there is no task '{named}'"
            others = [task_id for task_id in draft.tasks if task_id != path[1]]
            hint = suggest(named, others, f"tasks: {', '.join(others[:20])}" if others else "")
            yield draft.layers.problem(path, "unknown-task", message, hint)


def _check_cycles(draft: Draft) -> Iterator[Problem]:
    for cycle in graph.cycles(draft.upstream):
        path = draft.edges[(cycle[-1], cycle[0])]
        message = f"tasks wait for each other: {' → '.join([*cycle, cycle[0]])}"
        yield draft.layers.problem(path, "cycle", message, "remove one of these dependencies")


def _check_sections_present(draft: Draft) -> Iterator[Problem]:
    for task_id, task in draft.tasks.items():
        operator = task.get("operator")
        for section in NEEDS_SECTION.get(operator, ()) if isinstance(operator, str) else ():
            if section not in draft.layers.data:
                path = ("tasks", task_id, "operator")
                message = f"{operator} works on the section '{section}', which this pipeline does not have"
                hint = how_to_add(section, schemas.envelope()["properties"][section])
                yield draft.layers.problem(path, "missing-section", message, hint)


def _check_upstream_present(draft: Draft) -> Iterator[Problem]:
    for operator, needed in NEEDS_UPSTREAM.items():
        sources = draft.with_operator(needed)
        fed = graph.downstream(draft.upstream, sources)
        for task_id in draft.with_operator(operator):
            if task_id not in fed:
                path = ("tasks", task_id, "operator")
                message = f"tasks.{task_id}: {operator} needs a task with operator {needed} before it"
                hint = f"write depends_on: [{sources[0]}]" if sources else f"add a task with operator: {needed}"
                yield draft.layers.problem(path, "missing-upstream", message, hint)


def _check_bands(draft: Draft) -> Iterator[Problem]:
    psi = draft.section("psi")
    for lower, upper in pairwise(("minor", "moderate", "critical")):
        low, high = psi.get(lower), psi.get(upper)
        if is_number(low) and is_number(high) and not low < high:
            message = f"psi.{lower} ({low}) must be below psi.{upper} ({high})"
            hint = "severities go none < minor < moderate < critical"
            yield draft.layers.problem(("psi", lower), "bands-order", message, hint)


def _check_gates(draft: Draft) -> Iterator[Problem]:
    for metric, gate in draft.section("gates").items():
        for comparison, limit in mapping(gate).items():
            if metric in METRIC_RANGES and is_number(limit):
                yield from _check_gate(draft, metric, comparison, limit)


def _check_gate(draft: Draft, metric: str, comparison: str, limit: float) -> Iterator[Problem]:
    low, high = METRIC_RANGES[metric]
    reach = f"from {low:g} to {high:g}" if high < float("inf") else f"{low:g} or greater"
    path, name = ("gates", metric, comparison), f"gates.{metric}.{comparison}"
    if not low <= limit <= high:
        message = f"{name} ({limit}) is outside the metric's range"
        share = f"; did you mean {limit / 100:g}?" if high == 1 and 2 <= limit <= 100 else ""
        yield draft.layers.problem(path, "gate-out-of-range", message, f"{metric} is always {reach}{share}")
    elif (comparison, limit) in {("above", high), ("below", low)}:
        other = "at_least" if comparison == "above" else "at_most"
        message = f"{name} ({limit}) can never pass"
        yield draft.layers.problem(path, "gate-out-of-range", message, f"{metric} is {reach}; did you mean {other}?")


def _check_channels(draft: Draft) -> Iterator[Problem]:
    channels = draft.section("alerts").get("channels")
    if not isinstance(channels, Mapping):
        return
    for task_id in draft.with_operator("send_alert"):
        for index, name in enumerate(sequence(draft.tasks[task_id].get("channels"))):
            if isinstance(name, str) and name not in channels:
                path = ("tasks", task_id, "channels", index)
                message = f"{dotted(path)}: there is no alert channel '{name}'"
                hint = suggest(name, channels, f"declare it in alerts.channels, which has {', '.join(channels)}")
                yield draft.layers.problem(path, "unknown-channel", message, hint)


def _check_estimator(draft: Draft) -> Iterator[Problem]:
    estimator = draft.section("model").get("estimator")
    if not isinstance(estimator, str):
        return
    if not _CLASS_PATH.fullmatch(estimator):
        message = f"model.estimator must be the dotted path of a class, not {show(estimator)}"
        hint = "such as sklearn.ensemble.RandomForestClassifier"
        yield draft.layers.problem(("model", "estimator"), "estimator", message, hint)
    elif (package := estimator.split(".")[0]) not in ESTIMATOR_PACKAGES:
        message = f"model.estimator comes from '{package}', which is not one of {', '.join(ESTIMATOR_PACKAGES)}"
        yield draft.layers.problem(("model", "estimator"), "estimator", message, suggest(package, ESTIMATOR_PACKAGES))


def _check_columns(draft: Draft) -> Iterator[Problem]:
    for name, rules in mapping(draft.section("quality").get("columns")).items():
        yield from _check_column(draft, ("quality", "columns", name), mapping(rules))


def _check_column(draft: Draft, path: KeyPath, rules: Mapping[str, Any]) -> Iterator[Problem]:
    kind, low, high = rules.get("type"), rules.get("min"), rules.get("max")
    if is_number(low) and is_number(high) and low > high:
        message = f"{dotted(path)}.min ({low}) must not be above max ({high})"
        yield draft.layers.problem((*path, "min"), "range-order", message, "swap the two")
    for bound in ("min", "max"):
        if is_number(rules.get(bound)) and isinstance(kind, str) and kind not in _NUMERIC:
            message = f"{dotted(path)}.{bound} is for numbers, and the column's type is {kind}"
            yield draft.layers.problem((*path, bound), "column-rule", message, "remove it, or change the type")
    for index, value in enumerate(sequence(rules.get("allowed"))):
        if kind in _FITS and not _FITS[kind](value):
            message = f"{dotted(path)}.allowed holds {show(value)}, and the column's type is {kind}"
            yield draft.layers.problem((*path, "allowed", index), "column-rule", message, "write values of that type")


_FITS: dict[Any, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "datetime": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": is_number,
    "string": lambda value: isinstance(value, str),
}


def _check_retraining(draft: Draft) -> Iterator[Problem]:
    for task_id in draft.with_operator("trigger_retraining"):
        name = draft.tasks[task_id].get("pipeline")
        if isinstance(name, str) and name and name not in (known := draft.pipeline_names()):
            path = ("tasks", task_id, "pipeline")
            message = f"{dotted(path)}: there is no pipeline '{name}'"
            others = sorted(set(known) - {draft.stem})
            hint = suggest(name, others, f"pipelines: {', '.join(others[:20])}" if others else "")
            yield draft.layers.problem(path, "unknown-pipeline", message, hint)


_CHECKS: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    _check_name,
    _check_schedule,
    _check_calendar,
    _check_references,
    _check_cycles,
    _check_sections_present,
    _check_upstream_present,
    _check_bands,
    _check_gates,
    _check_channels,
    _check_estimator,
    _check_columns,
    _check_retraining,
)
