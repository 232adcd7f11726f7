"""A plan for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from driftgate.config.report import render_text
from driftgate.errors import printable
from driftgate.paint import Paint, plain
from driftgate.plan.model import Change, PipelineChange, Plan
from driftgate.views import plan_words as words
from driftgate.views.graph import graph_of
from driftgate.views.tree import tree

_WIDEST = 110
_STYLES = {"added": "good", "removed": "caret", "broken": "error", "tightened": "good", "loosened": "warning"}


def plan_text(plan: Plan, name: str, root: Path, paint: Paint = plain) -> str:
    """Return ``plan`` of the configuration called ``name``; files are named relative to ``root``."""
    head = [f"{name} compared with {printable(words.base(plan))}", *(f"note: {note}" for note in plan.notes)]
    return "\n\n".join("\n".join(block) for block in [head, *_blocks(plan, root, paint)]) + "\n"


def _blocks(plan: Plan, root: Path, paint: Paint) -> Iterator[list[str]]:
    for part in words.parts(plan):
        yield from _part(part, plan, root, paint)
    general = words.consequences(list(plan.all()))
    if general:
        yield ["What follows", *(line for sentence in general for line in _wrapped(sentence, "  ", "  "))]
    yield from _rewritten(plan)
    where = (
        "in the working tree" if plan.environments[0].environment == "" else f"in {plan.environments[0].environment}"
    )
    if plan.empty:
        yield [f"Nothing changes: every pipeline {where} runs as before."]
    else:
        yield [paint("heading", f"Plan: {words.summary(plan)}.")]


def _part(part: words.Part, plan: Plan, root: Path, paint: Paint) -> Iterator[list[str]]:
    name, status = part.environment.environment, part.environment.status
    head = f"In the environment {name}" + {"added": ", which is new", "removed": ", which is removed"}.get(status, "")
    first = part.environment is plan.environments[0]
    if name and (part.pipelines or part.not_here or status != "kept"):
        yield [paint("heading", head + ("" if first or status != "kept" else ", besides:"))]
    if status == "removed":
        yield [f"  Airflow finds no pipeline where DRIFTGATE_ENV is {name}: all of them are told as broken there."]
    if part.environment.errors and (first or part.environment.errors != plan.environments[0].errors):
        yield [render_text(part.environment.errors, root, paint).rstrip("\n")]
    yield from _grouped(part.pipelines, paint)
    if part.not_here:
        yield ["  not here:", *(f"    {dag_id}: {words.sentence(change)}" for dag_id, change in part.not_here)]


def _grouped(changes: tuple[PipelineChange, ...], paint: Paint) -> Iterator[list[str]]:
    """Return a block for each pipeline, or one for several that say the same."""
    found: dict[tuple[str, ...], list[PipelineChange]] = {}
    for change in changes:
        found.setdefault((words.title(change), *_body(change, paint)), []).append(change)
    for (title, *body), group in found.items():
        sign = words.SIGNS[group[0].kind]
        names = paint("place", ", ".join(change.dag_id for change in group))
        style = _STYLES.get(group[0].kind, "heading")
        yield [f"{paint(style, sign)} {names}: {title}", *body]


def _body(change: PipelineChange, paint: Paint) -> list[str]:
    lines = [_line(each, change.file, paint) for each in change.changes]
    lines += _runs(change)
    if change.redrawn and change.after:
        lines += _graphs(change, paint)
    own = [sentence for sentence in change.consequences if sentence not in words.GENERAL]
    return [*lines, *(line for sentence in own for line in _wrapped(sentence, "    · ", "      "))]


def _wrapped(sentence: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(printable(sentence), _WIDEST, initial_indent=first, subsequent_indent=others)


def _line(change: Change, file: str, paint: Paint) -> str:
    sign = paint(_STYLES.get(change.kind, "heading"), words.SIGNS[change.kind])
    told = f" {paint(_STYLES[change.mark], change.mark)}: {change.note}" if change.mark else ""
    told = told or (f" {change.note}" if change.note else "")
    place = paint("quiet", f"  ({words.where(change, file)})")
    return f"    {sign} {printable(words.sentence(change))}{' —' + told if told else ''}{place}"


def _runs(change: PipelineChange) -> list[str]:
    if change.after is None or change.runs[1] is None:
        return []
    zone = change.after.timezone
    if change.runs[0] is None:
        return [f"    next runs ({zone}): {', '.join(words.timetable(change.runs[1]))}"]
    before, after = (", ".join(words.timetable(side)) for side in change.runs if side)
    return [f"    next runs before: {before}", f"    next runs after:  {after}"]


def _graphs(change: PipelineChange, paint: Paint) -> list[str]:
    sides = [("graph before", change.before), ("graph after", change.after)]
    drawn = [(name, tree(graph_of(side), paint)) for name, side in sides if side]
    if len(drawn) == 1:
        drawn = [("graph", drawn[0][1])]
    return [line for name, text in drawn for line in [f"    {name}:", *(f"      {row}" for row in text.splitlines())]]


def _rewritten(plan: Plan) -> Iterator[list[str]]:
    """Tell of what is written differently and means the same: somebody may ask why it is not above."""
    found = dict.fromkeys(
        f"  {words.sentence(change)}  ({change.place})"
        for part in plan.environments
        for change in [*part.rewritten, *(each for pipeline in part.pipelines for each in pipeline.rewritten)]
    )
    if found:
        yield ["Written differently, with the same effect", *map(printable, found)]
