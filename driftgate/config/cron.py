"""Whether a schedule is one: the presets of Airflow, cron expressions of five fields, and intervals."""

from __future__ import annotations

import re

from driftgate.config.words import shorten, suggest
from driftgate.durations import is_duration

PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# name of the field → lowest value, highest value, names that stand for values
FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)
_PART = re.compile(r"(\*|[0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?(?:/([0-9]{1,2}))?")
# What only days can be: unspecified, the last of the month, the second Monday, the last Friday.
_SPECIAL = {
    "day of month": re.compile(r"\?|l"),
    "day of week": re.compile(r"\?|([0-7]|sun|mon|tue|wed|thu|fri|sat)#[1-5]|l[0-7]"),
}
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIVE = 'five fields: minute, hour, day of month, month, day of week; "0 6 * * 1" is Mondays at six'


def check_schedule(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a schedule, and a hint; None when it is one."""
    if text in PRESETS or is_duration(text):
        return None
    if text.startswith("@"):
        return f"there is no preset '{shorten(text)}'", suggest(text, PRESETS, f"presets: {', '.join(PRESETS)}")
    fields = text.lower().split()
    if len(fields) != 5:
        return _not_five(text, fields)
    for field, (name, low, high, names) in zip(fields, FIELDS, strict=True):
        special = _SPECIAL.get(name)
        parts = [part for part in field.split(",") if not (special and special.fullmatch(part))]
        if fault := _check_parts(parts, low, high, names):
            return f"the {name} '{shorten(field)}' {fault}", f"{name}: {low} to {high}; {_FIVE}"
    if not _can_happen(fields):
        return "this day never comes", "the months that it names are shorter than that"
    return None


def _not_five(text: str, fields: list[str]) -> tuple[str, str]:
    if f"@{text.lower()}" in PRESETS:
        return f"'{shorten(text)}' is no schedule", f'did you mean "@{text.lower()}"?'
    if text.strip().lower() in {"", "none", "null", "~", "manual"}:
        return f"'{shorten(text)}' is no schedule", "write null, without quotes, for a pipeline started by hand"
    hint = f"{_FIVE}, a preset, or an interval such as 6h"
    return f"'{shorten(text)}' has {len(fields)} field{'s' * (len(fields) != 1)}, not 5", hint


def _check_parts(parts: list[str], low: int, high: int, names: dict[str, int]) -> str | None:
    for part in parts:
        match = _PART.fullmatch(part)
        if not match or (match[1] == "*" and match[2]):
            return "is not understood"
        if fault := _check_part(match, low, high, names):
            return fault
    return None


def _check_part(match: re.Match[str], low: int, high: int, names: dict[str, int]) -> str | None:
    first, last, step = match.groups()
    for word in (first, last):
        if word and word != "*" and not low <= _value(word, names) <= high:
            return f"is not between {low} and {high}" if word.isdigit() else f"has no such name: {word}"
    return "has a step of 0" if step and int(step) == 0 else None


def _value(word: str, names: dict[str, int]) -> int:
    return int(word) if word.isdigit() else names.get(word, -1)


def _can_happen(fields: list[str]) -> bool:
    """Tell whether any month has such a day; a weekday, where one is named, comes in every month."""
    if fields[4] not in {"*", "?"} or not re.fullmatch(r"[0-9,-]+", fields[2]):
        return True
    first_day = min(int(day) for day in re.findall(r"[0-9]+", fields[2]))
    return any(first_day <= _DAYS_IN_MONTH[month - 1] for month in _months(fields[3]))


def _months(field: str) -> set[int]:
    return expand_field(field, *FIELDS[3][1:])


def expand_field(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    """Return the values that a field of a valid expression stands for."""
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        open_ended = bool(step) and not last
        begin, end = (low, high) if first == "*" else (_value(first, names), _value(last or first, names))
        end = high if open_ended and first != "*" else end
        size = high - low + 1
        end += size if end < begin else 0  # nov-feb
        values.update((value - low) % size + low for value in range(begin, end + 1, int(step or 1)))
    return values
