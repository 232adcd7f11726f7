"""The story of a run for a terminal, for Markdown and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from driftgate.errors import printable
from driftgate.paint import Paint, plain
from driftgate.services.ledger import Entry
from driftgate.services.story import Chapter

_WIDEST = 110
_INDENT = " " * 12
_BAD = frozenset({"critical", "failed", "refused", "rejected", "undelivered", "put back"})
_WARN = frozenset({"minor", "moderate", "unknown", "skipped", "superseded", "known", "waiting"})
_LONGEST_VALUE = 60


def story_text(story: Sequence[Chapter], paint: Paint = plain) -> str:
    """Return the story, a paragraph for each run."""
    return "\n\n".join("\n".join(_chapter(chapter, story, paint)) for chapter in story) + "\n"


def _chapter(chapter: Chapter, story: Sequence[Chapter], paint: Paint) -> Iterator[str]:
    first = chapter.entries[0]
    yield paint("heading", printable(first.name.strip("/") or "command line"))
    yield f"  {first.time:%A, %d %B %Y} (UTC){_because(chapter, story)}"
    for entry in chapter.entries:
        outcome = entry.decision.outcome
        style = "error" if outcome in _BAD else "warning" if outcome in _WARN else "good"
        yield ""
        who = printable(entry.task or entry.decision.kind)
        yield f"  {entry.time:%H:%M:%S}  {who}: {paint(style, printable(outcome))}"
        yield from _wrapped(entry.decision.reason)
        for line in _limits(entry):
            yield paint("quiet", f"{_INDENT}{line}")
    stamps = dict.fromkeys("  ".join(_circumstances(entry)) for entry in chapter.entries)  # an edit in between shows
    for said in filter(None, ["  then  ".join(filter(None, stamps)), first.link]):
        yield ""
        yield paint("quiet", f"  {said}")


def _because(chapter: Chapter, story: Sequence[Chapter]) -> str:
    if not chapter.cause:
        return ""
    told = any(other.run == chapter.cause for other in story)
    return f"; because of {printable(chapter.cause)}" + ("" if told else ", of which the ledger knows nothing")


def _wrapped(text: str) -> Iterator[str]:
    for line in printable_lines(text):
        yield from textwrap.wrap(line, _WIDEST, initial_indent=_INDENT, subsequent_indent=_INDENT)


def printable_lines(text: str) -> list[str]:
    """Return the lines of ``text`` that say something, safe to print."""
    return [printable(line) for line in text.splitlines() if line.strip()]


def _limits(entry: Entry) -> Iterator[str]:
    for limit in entry.decision.thresholds:
        yield printable(f"{limit.name}: {_written(limit.value)[:_LONGEST_VALUE]}  ({limit.where})")


def _written(value: Any) -> str:
    """Return a value as YAML has it, where Python would write True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _circumstances(entry: Entry) -> Iterator[str]:
    if entry.config:
        yield f"configuration {entry.config[:12]}"
    if entry.revision:
        yield f"revision {entry.revision[:12]}{'-dirty' if entry.revision.endswith('-dirty') else ''}"


def story_markdown(story: Sequence[Chapter]) -> str:
    """Return the story as Markdown: a table for each run."""
    return "\n\n".join("\n".join(_table(chapter)) for chapter in story) + "\n"


def _table(chapter: Chapter) -> Iterator[str]:
    first = chapter.entries[0]
    yield f"### {_cell(first.name.strip('/') or 'command line')}"
    yield ""
    if chapter.cause:
        yield f"Because of {_cell(chapter.cause)}."
        yield ""
    yield "| time (UTC) | task | outcome | why | measured against |"
    yield "|---|---|---|---|---|"
    for entry in chapter.entries:
        limits = "<br>".join(_cell(line) for line in _limits(entry))
        task = _cell(entry.task or entry.decision.kind)
        outcome = f"[{_cell(entry.decision.outcome)}]({entry.url})" if entry.url else _cell(entry.decision.outcome)
        time = f"{entry.time:%Y-%m-%d %H:%M:%S}"
        yield f"| {time} | {task} | {outcome} | {_cell(' '.join(printable_lines(entry.decision.reason)))} | {limits} |"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def story_data(story: Sequence[Chapter]) -> dict[str, Any]:
    """Return the story as plain data."""
    return {"runs": [_run(chapter) for chapter in story]}


def _run(chapter: Chapter) -> dict[str, Any]:
    decisions = [_plain(entry) for entry in chapter.entries]
    return {"run": chapter.run.strip("/"), "cause": chapter.cause, "decisions": decisions}


def _plain(entry: Entry) -> dict[str, Any]:
    fields = asdict(entry)
    return {
        "time": entry.time.isoformat(),
        **fields.pop("decision"),
        **{k: v for k, v in fields.items() if k != "time"},
    }


def listing(entries: Sequence[Entry], paint: Paint = plain) -> str:
    """Return one line for each decision, the newest last."""
    lines = []
    for entry in sorted(entries, key=lambda entry: entry.time):
        reason = " ".join(printable_lines(entry.decision.reason))
        who = printable(f"{entry.name.strip('/') or 'command line'} {entry.task}".rstrip())
        said = f"{entry.time:%Y-%m-%d %H:%M:%S}  {entry.decision.kind}: {entry.decision.outcome}"
        lines.append(f"{printable(said)}  {textwrap.shorten(reason, 70)}  {paint('quiet', who)}")
    return "\n".join(lines) + "\n"
