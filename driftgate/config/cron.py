"""Whether a schedule is one: the presets of Airflow, cron expressions of five fields, and intervals."""

from __future__ import annotations

import re

from driftgate.config import meant
from driftgate.config.words import listing, shorten, suggest
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
_MONTH_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                "November", "December")  # fmt: skip
_ORDINAL = {30: "th", 31: "st"}
_LAST_DAY = "write L for the last day of a month"
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
    for position, (field, (name, low, high, names)) in enumerate(zip(fields, FIELDS, strict=True)):
        special = _SPECIAL.get(name)
        parts = [part for part in field.split(",") if not (special and special.fullmatch(part))]
        if fault := _check_parts(parts, low, high, names):
            return f"the {name} '{shorten(field)}' {fault}", _field_hint(fields, position)
    return _check_days(fields)


def _not_five(text: str, fields: list[str]) -> tuple[str, str]:
    message = f"'{shorten(text)}' is no schedule"
    if f"@{text.lower()}" in PRESETS:
        return message, f'did you mean "@{text.lower()}"?'
    if text.strip().lower() in {"", "none", "null", "~", "manual", "never"}:
        return message, "write null, without quotes, for a pipeline started by hand"
    if re.fullmatch(r"0+[smhdw]", text):
        return f"{message}: an interval must be at least 1{text[-1]}", f"write 1{text[-1]} or more"
    if re.fullmatch(r"[0-9]+", text):
        return message, number_hint(text)
    if written := meant.schedule(text):
        return message, f"write {written}"
    hint = f'{_FIVE}; or write a preset such as "@daily", or an interval such as 6h'
    if any(char.isdigit() or char == "*" for char in text) and len(fields) > 1:
        return f"'{shorten(text)}' has {len(fields)} fields, not 5", hint
    return message, f"a schedule has {hint}"


def number_hint(number: object) -> str:
    """Return what to write for a schedule that is a number without a unit."""
    s = "" if number in {1, "1"} else "s"
    return f"write the unit too: {number}h is every {number} hour{s}, {number}m every {number} minute{s}"


def _field_hint(fields: list[str], position: int) -> str:
    """Return what can stand in a field: what was meant, where that is plain, or its range."""
    name, low, high, names = FIELDS[position]
    field = fields[position]
    if step := re.fullmatch(r"\*/([1-9][0-9]*)", field):
        unit = {"minute": "m", "hour": "h", "day of month": "d"}.get(name)
        alone = set("".join(fields[:position])) <= set("*0") and set(fields[position + 1 :]) <= {"*"}
        if unit and alone and len(step[1]) < 7:
            return f"for an interval write {step[1]}{unit}"
    if mended := _mended(field, names):
        return f'write "{shorten(" ".join([*fields[:position], mended, *fields[position + 1 :]]))}"'
    listed = f", or {', '.join(names)}" if names else ""
    return f"{name}: {low} to {high}{listed}; {_FIVE}"


def _mended(field: str, names: dict[str, int]) -> str:
    """Return a field with its names as cron has them, ``Monday`` as ``mon``; "" if one remains unknown."""
    mended, unknown = [], not names
    for word in re.findall(r"[a-z]+|[^a-z]+", field):
        name = word[:3] if word[:3] in names else suggest(word, names).removeprefix("did you mean '").removesuffix("'?")
        unknown = unknown or (word.isalpha() and not name)
        mended.append(name if word.isalpha() else word)
    text = "".join(mended)
    return text if not unknown and text != field else ""


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
    if step and int(step) == 0:
        return "has a step of 0"
    size = high - low + (not names or low == 1)  # both 0 and 7 are Sundays
    return f"has a step of {step}, and there are only {size}" if step and int(step) > size else None


def _value(word: str, names: dict[str, int]) -> int:
    return int(word) if word.isdigit() else names.get(word, -1)


def _check_days(fields: list[str]) -> tuple[str, str] | None:
    """Return what is wrong if no month has such a day; a weekday, where one is named, comes in every month."""
    if fields[4] not in {"*", "?"} or not re.fullmatch(r"[0-9,-]+", fields[2]):
        return None
    first_day = min(int(day) for day in re.findall(r"[0-9]+", fields[2]))
    months = sorted(expand_field(fields[3], *FIELDS[3][1:]))
    if any(first_day <= _DAYS_IN_MONTH[month - 1] for month in months):
        return None
    have = "has" if len(months) == 1 else "have"
    names = listing((_MONTH_NAMES[month - 1] for month in months), "and")
    return f"this day never comes: {names} {have} no {first_day}{_ORDINAL[first_day]}", _LAST_DAY


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
