"""The interval of a metric, against as many calls of scikit-learn on resampled rows.

    make bench, or: python benchmarks/bench_gates.py [--rows 1000 100000] [--rounds 3]

scikit-learn is measured on a few resamples and counted up to as many as an interval takes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from sklearn import metrics as sklearn_metrics

from driftgate.services import resampling
from driftgate.services.resampling import RESAMPLES, Scored

FEW = 10
THEIRS: dict[str, Callable[..., float]] = {
    "roc_auc": lambda rows, at: sklearn_metrics.roc_auc_score(rows.truth[at], rows.scores[at, 1]),
    "average_precision": lambda rows, at: sklearn_metrics.average_precision_score(rows.truth[at], rows.scores[at, 1]),
    "log_loss": lambda rows, at: sklearn_metrics.log_loss(rows.truth[at], rows.scores[at], labels=[0, 1]),
    "f1": lambda rows, at: sklearn_metrics.f1_score(rows.truth[at], rows.predicted[at]),
}


def rows_of(count: int) -> Scored:
    """Rows of two classes, 30 % of the second, which a model tells apart fairly well."""
    rng = np.random.default_rng(1)
    truth = (rng.random(count) < 0.3).astype(int)
    chance = 1 / (1 + np.exp(0.8 - rng.normal(1.5 * truth, 1)))
    return Scored(truth, (chance > 0.5).astype(int), np.column_stack([1 - chance, chance]), 2)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The median of the processor's time, which a busy machine does not stretch."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def some_resamples(name: str, rows: Scored) -> None:
    rng = np.random.default_rng(2)
    for _ in range(FEW):
        THEIRS[name](rows, rng.integers(0, len(rows.truth), len(rows.truth)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{RESAMPLES} resamples, processor seconds, median of {arguments.rounds}")
    print(f"{'rows':>8}  {'metric':18} {'driftgate':>9} {'scikit-learn':>13} {'ratio':>6}")
    for count in arguments.rows:
        rows = rows_of(count)
        for name in THEIRS:
            ours = seconds(lambda: resampling.intervals(rows, {name: 0.95}, 1), arguments.rounds)  # noqa: B023
            theirs = seconds(lambda: some_resamples(name, rows), arguments.rounds) * RESAMPLES / FEW  # noqa: B023
            print(f"{count:>8}  {name:18} {ours:>9.2f} {theirs:>13.2f} {theirs / ours:>5.1f}x")


if __name__ == "__main__":
    main()
