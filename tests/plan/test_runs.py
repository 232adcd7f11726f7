"""The next runs are those that Airflow's own timetables come to, also where the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from hypothesis import given, settings
from hypothesis import strategies as st
from pendulum import instance

from driftgate.config.load import load_pipeline
from driftgate.plan.runs import next_runs, same_times

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")
CRONS = (
    "0 * * * *", "*/20 * * * *", "30 2 * * *", "30 1 * * *", "0 */2 * * *", "15 1-3 * * 0", "0 0 1 * *", "0 6 * * 1-5",
    "0 0 * * 5#2", "0 12 L * *", "0 0 29 2 *", "30 2 29 3,10 *", "5 * 25 10 *",
)  # fmt: skip
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


def written(folder: Path, *lines: str) -> Path:
    path = folder / "pipelines" / "one.yaml"
    path.parent.mkdir(exist_ok=True)
    task = "tasks: {hello: {operator: log_status, message: hi}}"
    path.write_text("\n".join(["dag_id: one", *lines, task, ""]), encoding="utf-8")
    return path


def ours(folder: Path, now: datetime, *lines: str) -> list[datetime]:
    return list(next_runs(load_pipeline(written(folder, *lines), folder, ""), now).times)


def airflows(cron: str, zone: str, now: datetime) -> list[datetime]:
    """What the scheduler comes to, run by run, when it catches up from ``now``."""
    timetable = CronTriggerTimetable(cron, timezone=zone)
    restriction = TimeRestriction(earliest=None, latest=None, catchup=True)
    interval, found = DataInterval.exact(instance(now)), []
    for _ in range(3):
        info = timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction)
        assert info
        interval = DataInterval.exact(info.run_after)
        found.append(info.run_after)
    return [datetime.fromisoformat(time.isoformat()) for time in found]


@settings(max_examples=150)
@given(
    st.sampled_from([*CRONS, *PRESETS]),
    st.sampled_from(ZONES),
    st.one_of(
        st.datetimes(datetime(2026, 1, 2), datetime(2031, 1, 1), timezones=st.just(UTC)),
        st.datetimes(datetime(2026, 3, 28), datetime(2026, 4, 6), timezones=st.just(UTC)),
        st.datetimes(datetime(2026, 10, 24), datetime(2026, 11, 2), timezones=st.just(UTC)),
    ),
)
def test_the_next_runs_are_airflows(
    tmp_path_factory: pytest.TempPathFactory, cron: str, zone: str, now: datetime
) -> None:
    folder = tmp_path_factory.getbasetemp() / "runs"
    folder.mkdir(exist_ok=True)
    found = ours(folder, now, f'schedule: "{cron}"', f"timezone: {zone}", 'start_date: "2020-01-01"')

    # in UTC: Python takes a time that comes twice for unequal to any other zone's
    assert [time.astimezone(UTC) for time in found] == airflows(cron, zone, now)


def test_nothing_runs_before_start_date_or_after_end_date(tmp_path: Path) -> None:
    lines = ('schedule: "@daily"', 'start_date: "2026-05-01"', 'end_date: "2026-05-02"')

    assert [time.day for time in ours(tmp_path, datetime(2026, 1, 1, tzinfo=UTC), *lines)] == [1, 2]
    assert ours(tmp_path, datetime(2026, 6, 1, tzinfo=UTC), *lines) == []


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("null", "only when somebody starts it"),
        ("6h", "every 6h, counted from the last run"),
        ("'@once'", "once"),
        ("{asset: s3://b/a}", "when s3://b/a is updated"),
        ("{any: [s3://b/a, {all: [s3://b/c, s3://b/d]}]}", "when (s3://b/a is updated or (s3://b/c is updated and "
                                                          "s3://b/d is updated))"),
    ],
)  # fmt: skip
def test_what_has_no_times_is_told_in_words(schedule: str, words: str, tmp_path: Path) -> None:
    pipeline = load_pipeline(written(tmp_path, f"schedule: {schedule}"), tmp_path, "")
    runs = next_runs(pipeline, datetime(2026, 1, 1, tzinfo=UTC))

    assert (runs.words, runs.times) == (words, ())


def test_assets_beside_times_are_told_as_both(tmp_path: Path) -> None:
    path = written(tmp_path, 'schedule: {cron: "@daily", asset: s3://b/a}')
    runs = next_runs(load_pipeline(path, tmp_path, ""), datetime(2026, 2, 1, 12, tzinfo=UTC))

    assert runs.words == "cron @daily, and when s3://b/a is updated"
    assert runs.times[0] == datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("@weekly", "0 0 * * 0", True),
        ("0 6 * jan-mar mon-fri", "0  6 * 1,2,3 1-5", True),
        ("*/15 * * * *", "0,15,30,45 * * * *", True),
        ("0 6 * * 5#2", "0 6 * * 5#3", False),
        ("@daily", "0 1 * * *", False),
        ("@once", "@continuous", False),
        ("@once", "@once", True),
    ],
)
def test_schedules_in_other_words_are_recognised(one: str, other: str, same: bool) -> None:
    assert same_times(one, other) is same
