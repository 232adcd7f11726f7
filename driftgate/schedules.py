"""A pipeline's schedule in Airflow's terms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from driftgate.config.model import AssetSchedule

if TYPE_CHECKING:
    from airflow.sdk.definitions.asset import BaseAsset


def to_airflow(schedule: str | timedelta | AssetSchedule | None, timezone: str) -> Any:
    """Return what Airflow's DAG takes as ``schedule``."""
    if not isinstance(schedule, AssetSchedule):
        return schedule
    condition = _condition(schedule.condition)
    if schedule.cron is None:
        return condition
    from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable

    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(schedule.cron, timezone=timezone), assets=condition)


def _condition(condition: tuple[str, Any]) -> BaseAsset:
    from airflow.sdk import Asset, AssetAll, AssetAny

    kind, of = condition
    if kind == "asset":
        return Asset(of)
    return (AssetAny if kind == "any" else AssetAll)(*(_condition(inner) for inner in of))
