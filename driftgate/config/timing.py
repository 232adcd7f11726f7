"""Whether a pipeline's schedule is one: cron, intervals, assets, dates; and what depends on how often it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from driftgate.config.cron import check_schedule
from driftgate.config.dates import check_dates, check_timezone
from driftgate.config.draft import Draft, mapping, sequence
from driftgate.config.rhythm import Rhythm, rhythm
from driftgate.config.words import KeyPath, called, show
from driftgate.durations import format_duration, is_duration, parse_duration
from driftgate.errors import Problem

_CONDITIONS = ("asset", "any", "all")
_UNTIMED = ("@once", "@continuous")
_NO_PASSWORD = ("a URI must not hold a password", "remove it: who reads the data gets it from an Airflow connection")
_NO_SCHEME = re.compile(r"([a-z][a-z0-9]*)//")
_NOT_NAMES = ("self", "context")  # Airflow's own words where an asset could stand


def check_timing(draft: Draft) -> Iterator[Problem]:
    """Return the problems of schedule, dates and timezone."""
    schedule = draft.layers.data.get("schedule")
    if isinstance(schedule, str):
        yield from _check_text(draft, ("schedule",), schedule)
    elif isinstance(schedule, dict) and schedule:
        yield from _check_condition(draft, schedule)
    yield from check_timezone(draft.layers)
    yield from check_dates(draft.layers)


def _check_text(draft: Draft, path: KeyPath, schedule: str) -> Iterator[Problem]:
    if fault := check_schedule(schedule):
        yield draft.layers.problem(path, "schedule", f"{called(path)}: {fault[0]}", fault[1])
    if schedule == "@continuous" and draft.layers.data.get("max_active_runs") != 1:
        message = "schedule: @continuous runs one run after the other, so max_active_runs must be 1"
        yield draft.layers.problem(path, "schedule", message, "write max_active_runs: 1")


def _check_condition(draft: Draft, schedule: dict[str, Any]) -> Iterator[Problem]:
    named = [key for key in _CONDITIONS if key in schedule]
    cron = schedule.get("cron")
    if not named and "cron" in schedule and len(schedule) == 1:
        message = "schedule has cron and no assets"
        yield draft.layers.problem(("schedule",), "schedule", message, f'write schedule: "{cron}", or add asset: …')
    if len(named) > 1:
        message = f"schedule must have one of asset, any and all, not {' and '.join(named)}"
        hint = "put them into one: any: [{asset: …}, {all: […]}]"
        yield draft.layers.problem(("schedule", named[1]), "schedule", message, hint, at_key=True)
    if isinstance(cron, str) and (is_duration(cron) or cron in _UNTIMED):
        message = f"schedule.cron must be a cron expression or a preset, not {show(cron)}"
        hint = 'beside assets only points in time will do, such as "0 6 * * 1" or "@daily"'
        yield draft.layers.problem(("schedule", "cron"), "schedule", message, hint)
    elif isinstance(cron, str):
        yield from _check_text(draft, ("schedule", "cron"), cron)


def check_assets(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each URI that Airflow would refuse as an asset's."""
    places = [*_assets_in(draft.layers.data.get("schedule"), ("schedule",))]
    for node in draft.tasks.values():
        for key in ("inlets", "outlets"):
            uris = enumerate(sequence(node.data.get(key)))
            places += [((*node.path, key, index), uri) for index, uri in uris if isinstance(uri, str)]
    uri = draft.section("dataset").get("uri")
    if isinstance(uri, str) and _check_uri(uri) == _NO_PASSWORD:
        yield draft.layers.problem(("dataset", "uri"), "asset", f"dataset.uri: {_NO_PASSWORD[0]}", _NO_PASSWORD[1])
    for path, uri in places:
        if fault := _check_uri(uri):
            yield draft.layers.problem(path, "asset", f"{called(path)}: {fault[0]}", fault[1])


def _assets_in(condition: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(condition, str) and len(path) > 1:
        yield path, condition
    asset = mapping(condition).get("asset")
    if isinstance(asset, str):
        yield (*path, "asset"), asset
    for key in ("any", "all"):
        for index, inner in enumerate(sequence(mapping(condition).get(key))):
            yield from _assets_in(inner, (*path, key, index))


def _check_uri(uri: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(uri)
        password = parts.password
    except ValueError:
        return f"'{uri}' is not a URI", "write it like s3://bucket/training.parquet"
    if parts.scheme.lower() == "airflow":
        return "URIs that begin with airflow: are Airflow's own", "name the asset by the place of its data"
    if password or "password=" in parts.query:
        return _NO_PASSWORD
    if uri.strip("\"'[]{}(), ") != uri or any(char.isspace() for char in uri):
        return f"'{uri}' holds a space, a quote or a bracket that no URI has", "remove it"
    if _NO_SCHEME.match(uri):
        return f"'{uri}' lacks the ':' after its scheme", f"write {uri.replace('//', '://', 1)}"
    if uri in _NOT_NAMES:
        return f"'{uri}' is a word of Airflow's own", "name the asset by the place of its data"
    return None


def rhythm_of(draft: Draft) -> Rhythm | None:
    """Return how often the pipeline runs; None when that cannot be told."""
    return rhythm(draft.layers.data.get("schedule"))


def check_retries(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each greatest pause between retries that is shorter than the first."""
    for path, data in (((), draft.layers.data), *((node.path, node.data) for node in draft.tasks.values())):
        first, longest = data.get("retry_delay", draft.layers.data.get("retry_delay")), data.get("max_retry_delay")
        if not all(isinstance(each, str) and is_duration(each) for each in (first, longest)):
            continue
        if parse_duration(str(longest)) < parse_duration(str(first)):
            at = (*path, "max_retry_delay")
            message = f"{called(at)} ({longest}) must not be shorter than retry_delay ({first})"
            yield draft.layers.problem(at, "range-order", message, f"write {first} or more")


def check_cooldown(draft: Draft) -> Iterator[Problem]:
    """Warn of a cooldown that is over before the pipeline runs again: it holds nothing back."""
    for node in draft.with_operator("trigger_retraining"):
        cooldown = mapping(node.data.get("guard")).get("cooldown")
        own = rhythm_of(draft)
        if isinstance(cooldown, str) and is_duration(cooldown) and own and parse_duration(cooldown) < own.shortest:
            path = (*node.path, "guard", "cooldown")
            every = format_duration(own.shortest)
            message = f"{called(path)} ({cooldown}) is over before the pipeline runs again, which is every {every}"
            hint = f"it holds nothing back; write {format_duration(2 * own.shortest)} or more"
            yield draft.layers.problem(path, "short-cooldown", message, hint, severity="warning")
