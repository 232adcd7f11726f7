"""Whether the templates of a pipeline's texts can be filled in: {{ drift.psi }}, {{ params.day }}."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from driftgate.config.draft import Draft, mapping
from driftgate.config.tree import Node
from driftgate.config.words import KeyPath, called, closest, suggest
from driftgate.errors import Problem

# What a message may say of drift: the fields of driftgate.services.drift.Drift, and its summary.
DRIFT = ("severity", "psi", "samples", "top_feature", "features", "model", "version", "window", "reason", "summary",
         "since", "streak")  # fmt: skip
SPEAK_OF_DRIFT = ("approval", "log_status", "send_alert")  # operators whose texts may

# What else Airflow 3.3 and Jinja let a template begin with; of more, in another version, only slips are told.
OTHERS = (
    "asset_state_store", "conn", "cycler", "dag", "dag_run", "data_interval_end", "data_interval_start", "dict", "ds",
    "ds_nodash", "exception", "expanded_ti_count", "false", "inlet_events", "inlets", "joiner", "logical_date",
    "macros", "map_index_template", "namespace", "none", "not", "outlet_events", "outlets", "params", "partition_date",
    "partition_key", "prev_data_interval_end_success", "prev_data_interval_start_success", "prev_end_date_success",
    "prev_start_date_success", "range", "reason", "run_id", "task", "task_instance", "task_instance_key_str",
    "task_reschedule_count", "task_state_store", "templates_dict", "test_mode", "ti", "triggering_asset_events",
    "true", "try_number", "ts", "ts_nodash", "ts_nodash_with_tz", "var",
)  # fmt: skip

_TEMPLATE = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_NAME = re.compile(r"(?<![\w.])(drift|params)\.([A-Za-z_]\w*)")
_FIRST = re.compile(r"\s*([A-Za-z_]\w*)")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def check_templates(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each template that is not closed or speaks of what there is not."""
    for node in draft.tasks.values():
        for path, text in _texts(node.data, node.path):
            if any(mark in text for mark in ("{{", "{%", "}}", "%}")):
                yield from _check_text(draft, node, path, text)


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*path, key))


def _check_text(draft: Draft, node: Node, path: KeyPath, text: str) -> Iterator[Problem]:
    if node.operator in SPEAK_OF_DRIFT and (fault := _unclosed(text)):
        yield draft.layers.problem(path, "template", f"{called(path)}: {fault[0]}", fault[1])
        return
    for match in _TEMPLATE.finditer(text):
        if (slip := _misspelt(node, text, match[1] or "")) is not None:
            yield _unknown(draft, path, *slip)
        for of, name in _NAME.findall(_QUOTED.sub("", match[1] or match[2] or "")):
            known = _known(draft, node, of)
            if known is not None and name not in known:
                yield _unknown(draft, path, f"{of}.{name}", [f"{of}.{other}" for other in known])


def _unclosed(text: str) -> tuple[str, str] | None:
    rest = _TEMPLATE.sub("", text)
    for opening, closing in (("{{", "}}"), ("{%", "%}")):
        if opening in rest:
            return f"a template is opened with {opening} and not closed", f"close it with {closing}"
        if closing in rest:
            return f"a template is closed with {closing} and was not opened", f"open it with {opening}"
    return None


def _known(draft: Draft, node: Node, of: str) -> Mapping[str, Any] | tuple[str, ...] | None:
    """Return what a template may name after ``drift.`` or ``params.``; None if there is no telling."""
    if of == "params":
        return mapping(draft.layers.data.get("params"))
    return DRIFT if node.operator in SPEAK_OF_DRIFT else None


def _misspelt(node: Node, text: str, expression: str) -> tuple[str, list[str]] | None:
    """Return the name that an expression begins with, and what there is, when it is close to something there is."""
    first = _FIRST.match(expression)
    if node.operator not in SPEAK_OF_DRIFT or first is None or "{%" in text:  # a block may have named something
        return None
    known = ["drift", *(["evidence"] if node.operator == "approval" else []), *OTHERS]
    name = first[1]
    return (name, known) if name.lower() not in known and closest(name, known) else None


def _unknown(draft: Draft, path: KeyPath, name: str, known: list[str]) -> Problem:
    nothing = "declare it under params at the top level" if name.startswith("params.") else ""
    hint = suggest(name, known, f"there is {', '.join(known)}" if known else nothing)
    return draft.layers.problem(path, "template", f"{called(path)}: there is no {name}", hint)
