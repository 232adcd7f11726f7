from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from driftgate.config.chisquare import chi_square_tail
from driftgate.config.load import load_all
from driftgate.errors import Problem


@given(st.floats(0, 500), st.integers(1, 60))
def test_the_tail_is_that_of_scipy(x: float, degrees: int) -> None:
    assert chi_square_tail(x, degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-9, abs=1e-14)


def test_psi_of_undrifted_data_is_distributed_as_the_warning_assumes() -> None:
    random, n, m = np.random.default_rng(7), 400, 900
    edges = np.linspace(0, 1, 11)
    values = []
    for _ in range(4_000):
        p, q = (np.histogram(random.random(size), edges)[0] / size for size in (m, n))
        values.append(np.sum((q - p) * np.log(q / p)))
    bound = 16 * (1 / n + 1 / m)

    assert np.mean(np.array(values) > bound) == pytest.approx(chi_square_tail(16, 9), rel=0.2)


MONITOR = """\
dag_id: monitor
schedule: {schedule}
psi: {{minor: 0.1, moderate: {moderate}, critical: 0.9, min_samples: {samples}, aggregate: {aggregate}}}
tasks:
  check: {{operator: check_drift}}
  retrain: {{operator: trigger_retraining, depends_on: [check], pipeline: retraining}}
"""
RETRAINING = "dag_id: retraining\nschedule: null\n{}tasks: {{hello: {{operator: log_status, message: hi}}}}\n"


def warnings(
    home: Path,
    *,
    samples: int,
    moderate: float = 0.2,
    schedule: str = '"@hourly"',
    rows: str = "",
    aggregate: str = "max",
) -> list[Problem]:
    (home / "pipelines").mkdir()
    text = MONITOR.format(schedule=schedule, moderate=moderate, samples=samples, aggregate=aggregate)
    (home / "pipelines" / "monitor.yaml").write_text(text)
    (home / "pipelines" / "retraining.yaml").write_text(RETRAINING.format(rows))
    loaded = load_all(home)
    assert len(loaded.pipelines) == 2, "a warning stops nothing"
    return list(loaded.problems)


def test_enough_predictions_are_no_cause_for_a_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path, samples=500) == []


def test_too_few_predictions_are(tmp_path: Path) -> None:
    [problem] = warnings(tmp_path, samples=60)

    expected = 730.5 * stats.chi2.sf(0.2 * 60, 9)
    assert (problem.code, problem.severity, problem.path) == ("false-alarms", "warning", "psi.min_samples")
    assert problem.message.endswith(f"about {expected:.0f} false alarms a month for each feature")
    assert "write min_samples: 140 or more" in problem.hint
    assert 730.5 * stats.chi2.sf(0.2 * 140, 9) < 1


def test_few_training_rows_count_too(tmp_path: Path) -> None:
    [problem] = warnings(tmp_path, samples=500, rows="quality: {min_rows: 100}\n")

    assert "500 predictions and 100 training rows" in problem.message
    assert "no number of predictions is enough" in problem.hint


@pytest.mark.parametrize("schedule", ["null", "{asset: s3://a}", "30d"])
def test_rare_and_unforeseeable_runs_are_not_warned_of(tmp_path: Path, schedule: str) -> None:
    assert warnings(tmp_path, samples=100, schedule=schedule) == []


def test_the_mean_over_features_strays_less(tmp_path: Path) -> None:
    assert warnings(tmp_path, samples=60, aggregate="mean") == []


def test_every_feature_that_is_named_has_its_chance(tmp_path: Path) -> None:
    columns = "quality: {columns: {a: {type: number}, b: {type: number}, c: {type: number}, y: {type: integer}}}\n"
    [problem] = warnings(tmp_path, samples=100, rows=f"dataset: {{uri: x.csv, target: y}}\n{columns}")

    alone = stats.chi2.sf(0.2 * 100, 9)
    expected = 730.5 * (1 - (1 - alone) ** 3)
    assert problem.message.endswith(f"about {expected:.0f} false alarms a month over 3 features")


def test_a_target_that_is_no_column_is_an_error_of_its_own_file_alone(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    monitor = MONITOR.format(schedule='"@hourly"', moderate=0.2, samples=100, aggregate="max")
    (tmp_path / "pipelines" / "monitor.yaml").write_text(monitor)
    (tmp_path / "pipelines" / "retraining.yaml").write_text(
        RETRAINING.format("dataset: {uri: x.csv, target: {y: z}}\n")
    )

    loaded = load_all(tmp_path)

    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    assert {Path(problem.file).name for problem in errors} == {"retraining.yaml"}


def test_the_largest_psi_of_many_features_is_as_the_warning_reckons() -> None:
    random, n, m, features = np.random.default_rng(7), 400, 900, 20
    edges = np.linspace(0, 1, 11)

    def psi() -> float:
        p, q = (np.histogram(random.random(size), edges)[0] / size for size in (m, n))
        return float(np.sum((q - p) * np.log(q / p)))

    values = [max(psi() for _ in range(features)) for _ in range(400)]
    alone = chi_square_tail(22, 9)

    assert np.mean(np.array(values) > 22 * (1 / n + 1 / m)) == pytest.approx(1 - (1 - alone) ** features, rel=0.25)
