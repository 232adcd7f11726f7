"""What to write instead: the ends of sentences about schema errors."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from driftgate.config import schemas, written
from driftgate.config.conform import Finding, Schema, findings
from driftgate.config.cron import number_hint
from driftgate.config.meant import duration_hint
from driftgate.config.words import listing, literal, shorten, suggest
from driftgate.errors import printable

_NAMES = ("Airflow", "Parquet", "Python")  # that begin a description
_YES_NO = dict.fromkeys(("yes", "on", "y", "true"), "true") | dict.fromkeys(("no", "off", "n", "false"), "false")
# What other tools call a choice → what it is called here.
_CHOICES = {
    "bool": "boolean",
    "date": "datetime",
    "debug": "info",
    "double": "number",
    "e-mail": "email",
    "float": "number",
    "int": "integer",
    "smtp": "email",
    "str": "string",
    "text": "string",
    "timestamp": "datetime",
}
_LONGEST = 120
DURATION = "a duration"
_PERCENT = re.compile(r"(-?[0-9.]+) ?%")


def type_hint(finding: Finding, types: list[str]) -> str:
    value, schema = finding.value, finding.schema
    if schema.get("title") == DURATION and (hint := duration_hint(value)):
        return hint
    if isinstance(value, list | dict) and (hint := _hint_from_collection(finding, types)):
        return hint
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    if types == ["object"]:
        return _hint_for_mapping(finding)
    if isinstance(value, str):
        return _hint_from_text(finding, types, value)
    return _hint_from_number(finding, types) if isinstance(value, bool | int | float) else usage(finding)


def _hint_from_collection(finding: Finding, types: list[str]) -> str:
    value = finding.value
    if not value:
        return ""
    if isinstance(value, dict):
        return f"write a list: {as_written(list(value))}" if types == ["array"] else ""
    if finding.path[-1:] == ("asset",):
        return f"write any: {as_written(value)}, or all: {as_written(value)}"
    if "all" in finding.schema.get("properties", ()):
        return f"write {as_written({'any': value})}, or {as_written({'all': value})}"
    return f"write {as_written(value[0])} without brackets" if types == ["string"] and len(value) == 1 else ""


def _hint_from_number(finding: Finding, types: list[str]) -> str:
    value = finding.value
    if finding.path == ("schedule",) and isinstance(value, int) and not isinstance(value, bool):
        return number_hint(value)
    if "integer" in types and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    return f'put it in quotes: "{literal(value)}"' if "string" in types else usage(finding)


def _hint_for_mapping(finding: Finding) -> str:
    """Return how to write a mapping in place of what is there."""
    path, value = finding.path, finding.value
    samples, key = finding.schema.get("examples") or [], path[-1] if path else ""
    if samples and _is_number(value) and len(samples[0]) == 1 and all(map(_is_number, samples[0].values())):
        return f"write {key}: {flow(dict.fromkeys(samples[0], value))}"
    if isinstance(value, list) and key == "tasks":
        return "write each task's id as a key, and its operator and so on below it, indented: no '-' before them"
    if path[-2:-1] == ("tasks",):  # a task
        named = isinstance(value, str) and (value in schemas.operators() or "." in value)
        return (
            f"write {key}: {{operator: {shorten(value)}}}" if named else "write operator: and so on below it, indented"
        )
    if isinstance(key, int) and samples:
        return f"write {flow(samples[0])}, say"
    example = f", or {key}: {flow(samples[0])}" if samples else ""
    return f"write its keys on the lines below it, indented{example}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hint_from_text(finding: Finding, types: list[str], text: str) -> str:
    if "null" in types or text.lower() in {"~", "none", "null"}:
        return "write null without quotes" if "null" in types else usage(finding)
    if "boolean" in types and text.lower() in _YES_NO:
        return f"write {_YES_NO[text.lower()]} without quotes"
    if ("number" in types or "integer" in types) and (number := _number_in(text, types)):
        return f"write {number}" if number != text else f"write {number} without quotes"
    if hint := _comment_hint(finding, text):
        return hint
    return written.as_list(text) if types == ["array"] and text else usage(finding)


def _comment_hint(finding: Finding, text: str) -> str:
    """Return the hint for ``true switch off later``: a right value, and words behind it."""
    value, _, words = text.partition(" ")
    try:
        right = bool(words) and not any(findings(json.loads(value), finding.schema))
    except ValueError:
        right = bool(words) and value in finding.schema.get("enum", ())
    return written.comment_hint(value, words) if right else ""


def _number_in(text: str, types: list[str]) -> str | None:
    """Return the number that ``text`` was meant to be: 0,95 → 0.95, 5% → 0.05, 1_000 → 1000."""
    percent = _PERCENT.fullmatch(text.strip())
    try:
        number = float(percent[1]) / 100 if percent else float(text.replace(",", "."))
    except ValueError:
        return None
    fits = math.isfinite(number) and abs(number) < 1e6 and ("number" in types or number.is_integer())
    return f"{number:g}" if fits else None


def usage(finding: Finding) -> str:
    description = str(finding.schema.get("description", ""))
    examples = finding.schema.get("examples") or []
    return f"{description} Example: {flow(examples[0])}".strip() if examples else description


def flow(value: Any) -> str:
    """Return ``value`` as YAML on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case str() if not re.fullmatch(r"[A-Za-z/][\w ./:@-]*", value):
            return f'"{value}"'
        case _:
            return literal(value)


def operator_to_add(task: dict[str, Any]) -> str:
    """Return the hint for a task without an operator; its own keys may say which one it must be."""
    own = task.keys() - schemas.task_keys().keys()
    fitting = [name for name in schemas.operators() if own and own <= schemas.parameters(name)["properties"].keys()]
    if fitting:
        return f"add operator: {listing(fitting)}"
    return f"add operator: and what the task runs, such as {flow({'operator': 'log_status'})[1:-1]}"


def how_to_add(key: str, schema: Schema) -> str:
    """Return a hint that shows ``key`` as it could stand in the file, and says what it is."""
    samples = schema.get("examples") or [schema.get("default", (schema.get("enum") or ["…"])[0])]
    sample = flow(samples[0])
    what = _lowered(re.split(r"[:;.] |\.$", schema.get("description", ""))[0])
    return f"add {key}: {'…' if '{{' in sample else sample}" + (f" ({what})" if what else "")


def as_written(value: Any) -> str:
    """Return what a person wrote as YAML on one line, safe to show and no longer than a hint can bear."""
    text = printable(flow(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _lowered(text: str) -> str:
    """Return a sentence's beginning as it reads within another sentence; names keep their capital."""
    first, _, rest = text.partition(" ")
    name = first in _NAMES or not first[1:].islower() or rest[:1].isupper()
    return text if name else text[:1].lower() + text[1:]


def choice_hint(finding: Finding, options: list[str]) -> str:
    """Return which of the ``options`` was meant; "" if there is no telling."""
    value = finding.value
    if not isinstance(value, str):
        return ""
    usual = _CHOICES.get(value.lower())
    return f"write {usual}" if usual in options else _comment_hint(finding, value) or suggest(value, options)


def range_hint(finding: Finding) -> str:
    schema, value = finding.schema, finding.value
    if _is_share(schema) and 1 < value <= 100:
        return f"it is a share: {value} % is {value / 100:g}"
    if not schema.get("description"):  # a param's own rule
        bound, kind = ("minimum", "greater") if finding.keyword == "minimum" else ("maximum", "less")
        return f"write {schema[bound]} or {kind}, or change {bound}" if bound in schema else ""
    return usage(finding)


def _is_share(schema: Schema) -> bool:
    """Whether a number is a part of one: it says so, or is within (0.5, 1), as a confidence is."""
    least, most = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return (least, most) == (0.5, 1) or bool(re.search(r"\bshare\b", schema.get("description", ""), re.IGNORECASE))
