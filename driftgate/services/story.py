"""Why something happened: the decisions of a run, of the runs that led to it and of those it led to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from driftgate.errors import UserMistake
from driftgate.services.ledger import Entry, Ledger

_CLOCK_SKEW = timedelta(minutes=5)
_MOST_OF_A_DAY = 50_000
_INTO_PRODUCTION = {"promotion": "promoted", "rollback": "rolled back"}  # kind → its outcome
_MOST_RUNS = 20  # that one story tells of
_QUIET = frozenset({("drift", "none"), ("drift", "minor"), ("drift", "unknown")})


@dataclass(frozen=True)
class Chapter:
    """What one run decided, in the order of time."""

    run: str  # pipeline/run
    entries: tuple[Entry, ...]

    @property
    def cause(self) -> str:
        """The run that led to this one; "" if none."""
        return next((entry.cause for entry in self.entries if entry.cause), "")

    @property
    def is_quiet(self) -> bool:
        """Whether it only found that there was nothing to do."""
        acted = [entry for entry in self.entries if entry.decision.kind != "route"]
        return all((entry.decision.kind, entry.decision.outcome) in _QUIET for entry in acted)


Story = tuple[Chapter, ...]  # causes before what they led to


def of_run(ledger: Ledger, pipeline: str, run: str) -> Story:
    """Return the story around a run; ``pipeline`` may be "" where the run's id tells enough."""
    first = ledger.entries(pipeline=pipeline, run=run)
    if not first:
        named = f"{pipeline}/{run}" if pipeline else run
        raise UserMistake(f"the ledger knows nothing of run '{named}'; driftgate explain --list shows what it knows")
    if len({entry.name for entry in first}) > 1:
        names = ", ".join(sorted({entry.name for entry in first}))
        raise UserMistake(f"'{run}' is the id of several runs; say which: {names}")
    return _around(ledger, _chapter(first))


def latest(ledger: Ledger, pipeline: str = "", kind: str = "", outcome: str = "") -> Story:
    """Return the story around the newest decision, of one pipeline, kind or outcome if wanted.

    What put a model into production is a promotion, or a rollback since.
    """
    # What a clock that was ahead has written would be the newest until that time comes.
    until = datetime.now(UTC) + _CLOCK_SKEW
    found = [
        entry
        for each in ("promotion", "rollback") if kind == "promotion" and not outcome
        for entry in ledger.entries(pipeline=pipeline, kind=each, outcome=_INTO_PRODUCTION[each], until=until, limit=1)
    ] or ledger.entries(pipeline=pipeline, kind=kind, outcome=outcome, until=until, limit=1)  # fmt: skip
    if not found:
        wanted = [outcome, f"about {kind}" if kind else "", f"of {pipeline}" if pipeline else ""]
        raise UserMistake(f"there is no decision {' '.join(filter(None, wanted))} in the ledger yet".replace("  ", " "))
    newest = max(found, key=lambda entry: entry.time)
    return _around(ledger, _chapter(ledger.entries(pipeline=newest.pipeline, run=newest.run)))


def of_day(ledger: Ledger, day: datetime, pipeline: str = "") -> tuple[Story, int]:
    """Return everything that was decided on the day that begins at ``day``, and how many runs found nothing to do."""
    found = ledger.entries(pipeline=pipeline, since=day, until=day + timedelta(days=1), limit=_MOST_OF_A_DAY)
    chapters = _chapters(found)
    told = [chapter for chapter in chapters if not chapter.is_quiet]
    return tuple(told), len(chapters) - len(told)


def _chapters(entries: list[Entry]) -> list[Chapter]:
    by_run: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.time):
        by_run.setdefault(entry.name, []).append(entry)
    return [_chapter(found) for found in by_run.values()]


def _chapter(entries: list[Entry]) -> Chapter:
    ordered = sorted(entries, key=lambda entry: entry.time)
    return Chapter(ordered[0].name, tuple(ordered))


def _around(ledger: Ledger, chapter: Chapter) -> Story:
    before: list[Chapter] = []
    seen = {chapter.run}
    cause = chapter.cause
    while cause and cause not in seen and len(seen) < _MOST_RUNS:
        seen.add(cause)
        pipeline, _, run = cause.partition("/")
        if not (entries := ledger.entries(pipeline=pipeline, run=run)):
            break
        before.insert(0, _chapter(entries))
        cause = before[0].cause
    after: list[Chapter] = []
    waiting = [chapter.run]
    while waiting and len(seen) < _MOST_RUNS:
        for led_to in _chapters(ledger.entries(cause=waiting.pop(0))):
            if led_to.run not in seen:
                seen.add(led_to.run)
                after.append(led_to)
                waiting.append(led_to.run)
    return (*before, chapter, *after)
