"""A backtest as Markdown, for the description of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from driftgate.backtest.model import Backtest, Trial
from driftgate.views import backtest_words as words
from driftgate.views.inline import code

_MOST_DATES = 50


def backtest_markdown(test: Backtest) -> str:
    """Return ``test`` as Markdown of GitHub's kind."""
    return "\n\n".join("\n".join(block) for block in _blocks(test)) + "\n"


def _blocks(test: Backtest) -> Iterator[list[str]]:
    yield [f"## Backtest of {code(test.dag_id)}"]
    yield [f"{code(test.history.source)}: {words.extent(test)}.", *(f"\nNote: {note}." for note in test.notes)]
    yield [
        f"| | {' | '.join(words.HEADS)} |",
        f"|---|{'---:|' * len(words.HEADS)}",
        *(_row(trial) for trial in test.trials),
    ]
    for trial in test.trials:
        if lines := list(_details(trial)):
            yield [f"**{trial.name}**" if not trial.settings else f"**{code(trial.name)}**", "", *lines]
    yield [words.REPLAYED]


def _row(trial: Trial) -> str:
    name = code(trial.name).replace("|", "\\|") if trial.settings else trial.name
    found = words.cells(trial) or ["refused", *[""] * (len(words.HEADS) - 1)]
    return f"| {name} | {' | '.join(found)} |"


def _details(trial: Trial) -> Iterator[str]:
    for problem in trial.problems:
        yield f"- {problem.severity}: {code(problem.message)}"
    if trial.replay is None:
        return
    yield f"- retrainings: {', '.join(words.dates(trial.replay.retrainings, _MOST_DATES)) or 'none'}"
    if trial.replay.refusals:
        yield f"- refused: {', '.join(words.refusals(trial.replay))}"
    if trial.replay.alerts:
        yield f"- alerts: {words.groups(trial)}"
    if trial.untreated:
        yield f"- longest: {words.rough(trial.untreated.length)} critical from {words.moment(trial.untreated.start)} on"
    if reason := words.unknown(trial.replay):
        yield f"- unknown: {code(reason)}"
