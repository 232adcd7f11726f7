from __future__ import annotations

import time
from pathlib import Path

import pytest

from driftgate.config import schemas
from driftgate.config.limits import METRIC_RANGES
from driftgate.config.load import load_pipeline
from driftgate.config.semantics import NEEDS_SECTION
from driftgate.config.wiring import NEEDS_UPSTREAM
from driftgate.errors import ConfigError


def test_the_tables_name_operators_that_exist() -> None:
    named = {*NEEDS_SECTION, *NEEDS_UPSTREAM, *NEEDS_UPSTREAM.values()}

    assert named <= set(schemas.operators())


def test_the_tables_name_sections_that_exist() -> None:
    assert {section for needed in NEEDS_SECTION.values() for section in needed} <= set(schemas.sections())


def test_every_metric_that_can_be_a_gate_has_a_range() -> None:
    assert {*METRIC_RANGES, "versus_production"} == set(schemas.envelope()["properties"]["gates"]["properties"])


def test_the_tables_are_in_alphabetical_order() -> None:
    for table in (NEEDS_SECTION, NEEDS_UPSTREAM, METRIC_RANGES):
        assert list(table) == sorted(table)


def test_thousands_of_wrong_references_are_checked_in_bounded_time(tmp_path: Path) -> None:
    tasks = "".join(
        f"  task{number}: {{operator: evaluate_model, depends_on: [task_{number}, task{(number + 1) % 9_000}]}}\n"
        for number in range(9_000)
    )
    path = tmp_path / "x.yaml"
    path.write_text(f"dag_id: x\nschedule: null\ntasks:\n{tasks}", encoding="utf-8")
    started = time.perf_counter()

    with pytest.raises(ConfigError) as raised:
        load_pipeline(path, tmp_path)

    codes = {problem.code for problem in raised.value.problems}
    assert codes == {"cycle", "missing-section", "missing-upstream", "unknown-task"}
    assert time.perf_counter() - started < 30
