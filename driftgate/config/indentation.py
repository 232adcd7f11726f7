"""Lines that begin in a column where they make no sense, and the column where they would.

A file is taken as a tree of lines. What is odd in it has a cost; the smallest change that lowers it most is what
was meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from driftgate.config.broken import Broken, Mend
from driftgate.config.lines import Row, rows, spaces
from driftgate.config.words import shorten

_ABOVE = 40  # rows that are looked at
_BELOW = 20
_AHEAD = 200  # lines
_AROUND = 8  # rows before and behind a mistake that may have to be moved
_LONGEST_RUN = 12
_ATTEMPTS = 12
_IMPOSSIBLE = 10
_REPEATED = 4
_UNUSUAL = 2
_EMPTY = 1


class Move(NamedTuple):
    """Some rows, one after the other, and by how many columns they are moved."""

    first: int  # index of a row
    length: int
    by: int


def mends(broken: Broken) -> Iterator[Mend]:
    """Return the moves of lines that would make sense of the text, the best first."""
    near, at = _near(list(rows(broken.lines[: broken.line + _AHEAD])), broken.line)
    for move in _best_moves(near, at, range(min(at + 1, len(near)))):
        yield _mend(near, move, broken.lines)


def second_thoughts(lines: Sequence[str], line: int) -> Iterator[Mend]:
    """Return the moves that would make more sense of a text that can be read, for a mistake found in ``line``."""
    near, at = _near(list(rows(lines)), line)
    for move in _best_moves(near, at, range(max(0, at - _AROUND), min(len(near), at + _AROUND)), also=at):
        yield _mend(near, move, lines)


def _best_moves(near: Sequence[Row], at: int, firsts: range, also: int = -1) -> list[Move]:
    """Return the best moves that begin with one of the rows ``firsts``, those near the row ``at`` before others.

    A move must make the text less odd. One of the row ``also`` need not, if that has nothing below it: whatever has
    may not be missed where it goes.
    """
    step = _usual_step(near)
    before = _cost(near, step)
    ranked = []
    for move in _candidates(near, firsts, step):
        moved = _moved(near, move)
        cost = _cost(moved, step)
        row = near[move.first]
        may = move.first == also and not row.opens and not row.code.endswith("}") and _fit(moved, move, step) > 1
        if cost < before or (cost == before and may):
            ranked.append((cost, move.length, _mixed(moved), -_fit(moved, move, step), abs(at - move.first), move))
    return [move for *_, move in sorted(ranked)[:_ATTEMPTS]]


def _near(all_rows: list[Row], line: int) -> tuple[list[Row], int]:
    """Return the rows around ``line``, and the index of its own or else of the last one before it."""
    at = max((index for index, row in enumerate(all_rows) if row.line <= line), default=0)
    first = max(0, at - _ABOVE)
    top = [
        index
        for index in range(max(0, first - 200), first + 1)
        if all_rows[index : index + 1] and all_rows[index].indent == 0
    ]
    first = top[-1] if top else first
    return all_rows[first : at + _BELOW + 1], at - first


def _usual_step(near: Sequence[Row]) -> int:
    steps = Counter(
        below.indent - above.indent
        for above, below in pairwise(near)
        if above.opens and below.indent > above.indent and not below.is_item
    )
    return max(steps, key=lambda step: (steps[step], step == 2, -step), default=2)


def _candidates(near: Sequence[Row], firsts: range, step: int) -> Iterator[Move]:
    for first in firsts:
        own = near[first].indent
        body = _body(near, first)
        counts = {1, body, *_runs(near, first)}
        for target in sorted(_targets(near, first, step) - {own}):
            for count in sorted(counts):
                yield Move(first, count, target - own)


def _targets(near: Sequence[Row], first: int, step: int) -> set[int]:
    around = (*near[max(0, first - _ABOVE) : first], *near[first + 1 : first + 6])
    targets = {row.indent for row in around} | {0}
    if first:
        above = near[first - 1]
        targets.add(above.indent + step)
        targets |= {above.indent + 2} if above.is_item else set()
    return targets


def _body(near: Sequence[Row], first: int) -> int:
    """Return how many rows a row and those indented deeper below it are."""
    count = 1
    while first + count < len(near) and near[first + count].indent > near[first].indent:
        count += 1
    return count


def _runs(near: Sequence[Row], first: int) -> Iterator[int]:
    """Return how many rows the siblings from a row on are, with what belongs to them: the first two, three …"""
    count = 0
    for _ in range(_LONGEST_RUN):
        if first + count >= len(near) or near[first + count].indent != near[first].indent:
            return
        count += _body(near, first + count)
        yield count


def _moved(near: Sequence[Row], move: Move) -> list[Row]:
    block = [row._replace(indent=max(0, row.indent + move.by)) for row in near[move.first : move.first + move.length]]
    return [*near[: move.first], *block, *near[move.first + move.length :]]


def _fit(near: Sequence[Row], move: Move, step: int) -> int:
    """Return how well moved rows go with the one above them and the one right below."""
    row, end = near[move.first], move.first + move.length
    above = near[move.first - 1] if move.first else None
    wanted = above.indent + (step if above.opens else 2 if above.is_item else 0) if above else 0
    below = near[end] if end < len(near) else None
    follows = below is not None and below.indent == row.indent and below.line == near[end - 1].line + 1
    return 2 * (row.indent == wanted) + follows


def _mixed(near: Sequence[Row]) -> int:
    """Return how many mappings have both entries that go on below and entries that do not."""
    kinds: dict[int, set[bool]] = {}
    stack: list[tuple[int, int]] = []  # indentation and number of the mappings that are open
    for number, row in enumerate(near):
        while stack and stack[-1][0] > row.indent:
            stack.pop()
        if not stack or stack[-1][0] < row.indent:
            stack.append((row.indent, number))
        if not row.code.endswith("}"):
            kinds.setdefault(stack[-1][1], set()).add(row.opens)
    return sum(len(kind) > 1 for kind in kinds.values())


def _cost(near: Sequence[Row], step: int) -> int:
    cost = 0
    levels: list[tuple[int, set[str]]] = []
    above: Row | None = None
    for row in near:
        cost += _cost_of(row, above, levels, step)
        above = row
    return cost


def _cost_of(row: Row, above: Row | None, levels: list[tuple[int, set[str]]], step: int) -> int:
    """Return what is odd about a row, and leave in ``levels`` the indentations that are open below it."""
    cost = 0
    popped = False
    while levels and levels[-1][0] > row.indent:
        levels.pop()
        popped = True
    if not levels or levels[-1][0] < row.indent:
        cost += _cost_of_level(row, above, step, popped, bool(levels))
        levels.append((row.indent, set()))
    elif above and above.indent >= row.indent and above.opens and not row.is_item:
        cost += _EMPTY
    elif row.is_item and above and above.indent == row.indent and not above.is_item and not above.opens:
        cost += _IMPOSSIBLE
    if row.is_item:
        if ": " in row.code[2:] or row.code.endswith(":"):
            levels.append((row.indent + 2, {row.key}))
    elif key := row.key:
        cost += _REPEATED * (key in levels[-1][1])
        levels[-1][1].add(key)
    return cost


def _cost_of_level(row: Row, above: Row | None, step: int, popped: bool, inner: bool) -> int:
    """Return what is odd about a row that begins an indentation of its own."""
    if above is None or not inner:
        return _IMPOSSIBLE * (popped or row.indent > 0)
    if popped or not above.opens:
        return _IMPOSSIBLE
    return _UNUSUAL * (row.indent - above.indent != step and not row.is_item)


def _mend(near: Sequence[Row], move: Move, lines: Sequence[str]) -> Mend:
    row, moved = near[move.first], _moved(near, move)
    target = moved[move.first].indent
    parent = _parent(moved, move.first)
    message = _message(row.indent, target, _has_siblings(moved, move), parent)
    last = near[move.first + move.length - 1]
    below = near[move.first + move.length :]
    end = below[0].line if below else last.line + 1  # what is between rows is text, comments and brackets
    changes = {number: _shift(lines[number - 1], move.by) for number in range(row.line, end)}
    return Mend(row.line, row.indent + 1, message, _hint(row.indent, target, move.length, parent), changes)


def _parent(near: Sequence[Row], at: int) -> Row | None:
    return next((row for row in reversed(near[:at]) if row.indent < near[at].indent), None)


def _has_siblings(near: Sequence[Row], move: Move) -> bool:
    own = near[move.first].indent
    rest = near[move.first + move.length :]
    for side in (reversed(near[: move.first]), iter(rest)):
        for row in side:
            if row.indent == own:
                return True
            if row.indent < own:
                break
    return False


def _message(own: int, target: int, siblings: bool, parent: Row | None) -> str:
    here = f"this line is indented by {spaces(own)}" if own else "this line is not indented"
    if siblings or not parent:
        return f"{here}, its siblings {f'by {spaces(target)}' if target else 'not at all'}"
    name = f"'{shorten(parent.key)}', to which it belongs"
    if own > parent.indent:
        return f"this line is indented by {spaces(own)}, which is more than it should be below {name}"
    return f"this line is indented {'like' if own == parent.indent else 'less than'} {name}"


def _hint(own: int, target: int, count: int, parent: Row | None) -> str:
    if target == 0:
        words = f"remove the {spaces(own)} before it"
        return words if count == 1 else words + ", and as many before what belongs to it"
    if count == 1:
        return f"indent it by {spaces(target)}"
    below = f" below '{shorten(parent.key)}'" if parent and parent.key else ""
    return f"indent this and what belongs to it{below}, by {spaces(target)}"


def _shift(content: str, by: int) -> str:
    if not content.strip():
        return content
    return " " * by + content if by > 0 else content[min(-by, len(content) - len(content.lstrip(" "))) :]
