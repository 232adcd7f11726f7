"""A backtest for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from driftgate.backtest.model import Backtest, Trial
from driftgate.config.report import width
from driftgate.errors import printable
from driftgate.paint import Paint, plain
from driftgate.views import backtest_words as words

_WIDEST = 110
_MOST_DATES = 12


def backtest_text(test: Backtest, paint: Paint = plain) -> str:
    """Return ``test`` as text."""
    return "\n\n".join("\n".join(block) for block in _blocks(test, paint)) + "\n"


def _blocks(test: Backtest, paint: Paint) -> Iterator[list[str]]:
    yield [printable(words.title(test)), *(f"note: {printable(note)}" for note in test.notes)]
    yield _table(test, paint)
    for label, trial in zip(words.labels(test), test.trials, strict=True):
        yield _details(label, trial, paint)
    yield textwrap.wrap(words.REPLAYED, _WIDEST)


def _table(test: Backtest, paint: Paint) -> list[str]:
    labels = map(printable, words.labels(test))
    rows = [
        ["", *words.HEADS],
        *([label, *words.cells(trial)] for label, trial in zip(labels, test.trials, strict=True)),
    ]
    whole = [row for row in rows if len(row) > 1]
    widths = [max(width(row[column]) for row in whole) for column in range(len(rows[0]))]
    widths[0] = max(width(row[0]) for row in rows)
    head, *body = [_row(row, widths) for row in rows]
    return [paint("heading", head), *body]


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    name = row[0] + " " * (widths[0] - width(row[0]))
    if len(row) == 1:
        return f"{name}  refused: see below"
    return "  ".join([name, *(f"{cell:>{size}}" for cell, size in zip(row[1:], widths[1:], strict=True))]).rstrip()


def _details(label: str, trial: Trial, paint: Paint) -> list[str]:
    name = trial.name if trial.name == label else f"{label}: {trial.name}"
    lines = [paint("place", printable(name))]
    for problem in trial.problems:
        hint = f"; {problem.hint}" if problem.hint else ""
        lines += _wrapped(f"{problem.severity}[{problem.code}]", problem.message + hint)
    if trial.replay is None:
        return lines
    retrainings = words.dates(trial.replay.retrainings, _MOST_DATES)
    lines += _wrapped("retrainings", ", ".join(retrainings) or "none")
    if trial.replay.refusals:
        lines += _wrapped("refused", ", ".join(words.refusals(trial.replay)))
    if trial.replay.alerts:
        lines += _wrapped("alerts", words.groups(trial))
    if trial.untreated:
        longest = trial.untreated
        lines += _wrapped("longest", f"{words.rough(longest.length)} critical from {words.moment(longest.start)} on")
    if reason := words.unknown(trial.replay):
        lines += _wrapped("unknown", reason)
    return lines


def _wrapped(label: str, text: str) -> list[str]:
    first = f"  {label:<12} "
    return textwrap.wrap(printable(text), _WIDEST, initial_indent=first, subsequent_indent=" " * len(first))
