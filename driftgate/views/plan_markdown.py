"""A plan as Markdown, for the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from driftgate.config.report import render_text
from driftgate.plan.model import Change, PipelineChange, Plan
from driftgate.plan.values import MISSING
from driftgate.views import plan_words as words
from driftgate.views.graph import graph_of
from driftgate.views.inline import code
from driftgate.views.mermaid import mermaid


def plan_markdown(plan: Plan, root: Path) -> str:
    """Return ``plan`` as Markdown of GitHub's kind."""
    return "\n\n".join("\n".join(block) for block in _blocks(plan, root)) + "\n"


def _blocks(plan: Plan, root: Path) -> Iterator[list[str]]:
    yield ["## Driftgate plan"]
    said = f"**{words.summary(plan)}**" if not plan.empty else "**Nothing changes**: every pipeline runs as before"
    yield [f"{said}, compared with {code(words.base(plan))}.", *(f"\nNote: {note}." for note in plan.notes)]
    for part in words.parts(plan):
        yield from _part(part, plan, root)
    general = words.consequences(list(plan.all()))
    if general:
        yield ["**What follows**", "", *(f"- {sentence}" for sentence in general)]
    rewritten = [change for part in plan.environments for change in
                 [*part.rewritten, *(each for pipeline in part.pipelines for each in pipeline.rewritten)]]  # fmt: skip
    if rewritten:
        lines = dict.fromkeys(f"- {code(words.sentence(change))} ({code(change.place)})" for change in rewritten)
        yield ["**Written differently, with the same effect**", "", *lines]


def _part(part: words.Part, plan: Plan, root: Path) -> Iterator[list[str]]:
    name, status = part.environment.environment, part.environment.status
    first = part.environment is plan.environments[0]
    if name and (part.pipelines or part.not_here or status != "kept"):
        more = {"added": ", which is new", "removed": ", which is removed"}.get(status, "" if first else ", besides")
        yield [f"### In the environment {code(name)}{more}"]
    if status == "removed":
        yield [f"Airflow finds no pipeline where `DRIFTGATE_ENV` is {code(name)}: all are told as broken there."]
    if part.environment.errors and (first or part.environment.errors != plan.environments[0].errors):
        yield ["**The working tree has errors:**", "", *_fenced(render_text(part.environment.errors, root))]
    for change in part.pipelines:
        yield from _pipeline(change)
    if part.not_here:
        lines = (f"- {code(dag_id)}: {code(words.sentence(change))}" for dag_id, change in part.not_here)
        yield ["Not here:", "", *lines]


def _pipeline(change: PipelineChange) -> Iterator[list[str]]:
    yield [f"### {code(change.dag_id)} {words.title(change)}"]
    if change.changes:
        head = ["| what | before | after | | where |", "|---|---|---|---|---|"]
        yield [*head, *(_row(each, change.file) for each in change.changes)]
    yield from _runs(change)
    if change.redrawn and change.after:
        yield from _graphs(change)
    own = [sentence for sentence in change.consequences if sentence not in words.GENERAL]
    if own:
        yield [f"- {_text(sentence)}" for sentence in own]


def _row(change: Change, file: str) -> str:
    before, after = words.values(change)
    cells = [
        code(change.path),
        "" if change.before is MISSING else code(before),
        "" if change.after is MISSING else code(after),
        f"**{change.mark}**: {change.note}" if change.mark else change.note or change.kind,
        code(words.where(change, file)),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _runs(change: PipelineChange) -> Iterator[list[str]]:
    before, after = change.runs
    if after is None:
        return
    if before is None:
        yield [f"Next runs: {', '.join(words.timetable(after))}"]
        return
    rows = zip_longest(words.timetable(before), words.timetable(after), fillvalue="")
    cells = (f"| {one} | {other} |".replace("\n", " ") for one, other in rows)
    yield ["| next runs before | next runs after |", "|---|---|", *cells]


def _graphs(change: PipelineChange) -> Iterator[list[str]]:
    sides = [("Graph before", change.before), ("Graph after", change.after)]
    for name, side in sides:
        if side:
            title = name if change.before else "Graph"
            drawn = ["```mermaid", mermaid(graph_of(side)).rstrip("\n"), "```"]
            yield [f"<details><summary>{title}</summary>", "", *drawn, "", "</details>"]


def _fenced(text: str) -> Sequence[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, text.rstrip("\n"), fence]


def _text(words_: str) -> str:
    """Return a sentence in which nothing that a user wrote becomes markup or calls a person."""
    return "".join(f"\\{char}" if char in "<>*_`[]@#" else char for char in words_)
