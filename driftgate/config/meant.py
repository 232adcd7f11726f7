"""What people mean by a duration or a schedule in other words: ``1h30``, ``PT3H``, ``every day at 4``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from driftgate.durations import format_duration, is_duration

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("", "m", "min", "mins", "minute", "minutes"), 60.0),  # no unit: the 30 of 1h30
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604_800.0),
}
_NUMBERS = ("a", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_AMOUNT = r"\d{1,7}(?:\.\d{1,3})?"
_PIECE = re.compile(rf"({_AMOUNT}) ?([a-z]*)(?:,? (?:and )?|,?)")
_ISO = re.compile(r"p(?:(\d{1,5})w)?(?:(\d{1,5})d)?(?:t(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?)?")
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_PRESETS = {"minute": "1m", "hour": "@hourly", "day": "@daily", "week": "@weekly", "month": "@monthly",
            "quarter": "@quarterly", "year": "@yearly"}  # fmt: skip
_ADVERBS = {"daily": "day", "hourly": "hour", "monthly": "month", "nightly": "day", "weekly": "week", "yearly": "year"}
_AT = re.compile(
    rf"(?:(?:every|each|on) )?(day|weekday|(?:{'|'.join(_WEEKDAYS)}))s?(?: at)? (\d{{1,2}})(?::(\d{{2}}))? ?(am|pm)?"
)


def duration(value: Any) -> str:
    """Return the duration that ``value`` stands for, ``90m``; "" if there is no telling.

    A number without a unit counts as seconds, as Airflow and dag-factory have it.
    """
    if isinstance(value, dict):
        value = " ".join(f"{number} {unit}" for unit, number in value.items())
    text = str(value).strip().lower()
    if re.fullmatch(r"[1-9]\d{0,6}", text):
        return f"{text}s"
    if clock := _CLOCK.fullmatch(text):
        return _written(sum(int(part or 0) * size for part, size in zip(clock.groups(), (3_600, 60, 1), strict=True)))
    if (iso := _ISO.fullmatch(text)) and any(iso.groups()):
        sizes = (604_800, 86_400, 3_600, 60, 1)
        return _written(sum(int(part or 0) * size for part, size in zip(iso.groups(), sizes, strict=True)))
    return _written(_sum(_with_digits(text)))


def duration_hint(value: Any) -> str:
    """Return what to write for ``value`` where a duration must stand; "" if there is no telling."""
    if re.fullmatch(r"0+(\.0*)? ?[a-z]*", text := str(value).strip().lower()):
        unit = next((unit for unit in "smhdw" if text.strip("0. ").startswith(unit)), "s")
        return f"write at least 1{unit}, or leave it out"
    return f"write {meant}" if (meant := duration(value)) else ""


def _with_digits(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"{_NUMBERS.index(first) or 1} {rest}" if first in _NUMBERS else text


def _sum(text: str) -> float:
    """Return the seconds in ``1h30``, ``5 min``, ``1 day and 6 hours``; 0 if it says anything else."""
    total, at = 0.0, 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if not piece or piece[2] not in _UNITS or (not piece[2] and not at):
            return 0
        total += float(piece[1]) * _UNITS[piece[2]]
        at = piece.end()
    return total


def _written(seconds: float) -> str:
    if seconds < 1 or seconds != int(seconds):
        return ""
    text = format_duration(timedelta(seconds=min(seconds, 1e10)))
    return text if is_duration(text) else ""


def schedule(text: str) -> str:
    """Return the schedule that ``text`` stands for, as it is written in YAML; "" if there is no telling."""
    plain = " ".join(text.lower().split())
    words = plain.removeprefix("every ").removeprefix("each ").removeprefix("@")
    words = _ADVERBS.get(words, words)
    if words in _PRESETS:
        preset = _PRESETS[words]
        return f'"{preset}"' if preset.startswith("@") else preset
    if words.rstrip("s") in _WEEKDAYS:
        return f'"0 0 * * {words[:3]}"'
    for adverb, noun in _ADVERBS.items():
        plain = re.sub(rf"^{adverb}\b", noun, plain)
    return _at(plain) or duration(words)


def _at(plain: str) -> str:
    if not (found := _AT.fullmatch(plain)):
        return ""
    day, hour, minute, half = found[1], int(found[2]), int(found[3] or 0), found[4]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + 12 * (half == "pm")
    if hour > 23 or minute > 59:
        return ""
    days = {"day": "*", "weekday": "mon-fri"}.get(day, day[:3])
    return f'"{minute} {hour} * * {days}"'
