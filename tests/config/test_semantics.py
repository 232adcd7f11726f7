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


@pytest.mark.parametrize(
    ("depends_on", "expected"),
    [
        ("task_{0}, task{1}", {"cycle", "missing-section", "unknown-task"}),
        ("", {"missing-section", "missing-upstream"}),
    ],
)
def test_thousands_of_wrong_references_are_checked_in_bounded_time(
    tmp_path: Path, depends_on: str, expected: set[str]
) -> None:
    names = (depends_on.format(number, (number + 1) % 9_000) for number in range(9_000))
    tasks = "".join(
        f"  task{number}: {{operator: evaluate_model, depends_on: [{said}]}}\n" for number, said in enumerate(names)
    )
    path = tmp_path / "x.yaml"
    path.write_text(f"dag_id: x\nschedule: null\ntasks:\n{tasks}", encoding="utf-8")
    started = time.process_time()

    with pytest.raises(ConfigError) as raised:
        load_pipeline(path, tmp_path)

    codes = {problem.code for problem in raised.value.problems}
    assert codes == expected
    assert time.process_time() - started < 30
