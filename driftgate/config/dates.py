"""Dates and timezones: what they mean, and whether they mean anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from driftgate.config.layers import Layers
from driftgate.config.words import show, suggest
from driftgate.errors import Problem

_IANA = "write an IANA name, such as UTC or Europe/Berlin"
_NO_PLACE = re.compile(r"[A-Z]{3,5}|.*[0-9].*")  # CEST, UTC+1, +02:00


def timezone(name: str) -> tzinfo:
    """Return the timezone called ``name``; ValueError when there is none."""
    if name == "UTC":
        return UTC  # also where no timezone database is installed
    from zoneinfo import ZoneInfo  # late: most pipelines live in UTC

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no timezone {name!r}") from error


def moment(text: str, zone: tzinfo) -> datetime:
    """Return the point in time that ``text`` names, in ``zone`` unless it says another; ValueError if none."""
    naive = datetime.fromisoformat(text)
    return naive.astimezone(zone) if naive.tzinfo else naive.replace(tzinfo=zone)


def check_timezone(layers: Layers) -> Iterator[Problem]:
    """Return the problem of the pipeline's timezone, if it has one."""
    name = layers.data.get("timezone")
    if isinstance(name, str) and _zone(name) is None:
        from zoneinfo import available_timezones

        hint = _zone_hint(name, sorted(available_timezones()))
        message = f"timezone must be the name of a timezone, not {show(name)}"
        yield layers.problem(("timezone",), "timezone", message, hint)


def _zone_hint(name: str, zones: list[str]) -> str:
    """Return what to write for ``name``; an abbreviation or an offset stands for no place in particular."""
    places = [zone for zone in zones if "/" in zone and not zone.startswith("Etc/")]
    if _NO_PLACE.fullmatch(name):
        return _IANA
    for zone in places:
        if zone.rpartition("/")[2].lower() == name.lower().replace(" ", "_"):
            return f"did you mean '{zone}'?"
    return suggest(name, ["UTC", *places], _IANA)


def check_dates(layers: Layers) -> Iterator[Problem]:
    """Return the problems of the dates of the pipeline: none that does not exist, and the end after the start."""
    zone = _zone(layers.data.get("timezone")) or UTC
    found: dict[str, datetime] = {}
    for key in ("start_date", "end_date"):
        text = layers.data.get(key)
        if not isinstance(text, str):
            continue
        try:
            found[key] = moment(text, zone)
        except (ValueError, OverflowError):
            message = f"{key}: there is no such date as {show(text).removeprefix('the text ')}"
            yield layers.problem((key,), "date", message, 'write "2026-01-31" or "2026-01-31T06:00"')
    if len(found) == 2 and found["end_date"] <= found["start_date"]:
        message = f"end_date ({layers.data['end_date']}) must be after start_date ({layers.data['start_date']})"
        yield layers.problem(("end_date",), "date", message, "the pipeline would never run")


def _zone(name: Any) -> tzinfo | None:
    try:
        return timezone(name) if isinstance(name, str) else None
    except ValueError:
        return None
