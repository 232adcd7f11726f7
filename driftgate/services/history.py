"""Drift as it was recorded, window by window: what a monitor was told, or would have been, at each moment."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from driftgate.errors import UserMistake, printable
from driftgate.services.ledger import LEFT_OUT, Ledger
from driftgate.services.model_api import ModelApi

FEATURE = "features."  # what the column of a feature begins with
REQUIRED = ("at", "psi")
OPTIONAL = ("samples", "window.start", "window.end", "model.name", "model.version")
_NUMBERS = ("psi", "samples")
_TIME = "write it like 2026-03-01T09:00:00Z"
_MOST_ENTRIES = 100_000
_WHERE = "docs/backtest.md lists the columns"


@dataclass(frozen=True)
class Recorded:
    """One window. ``answer`` is as ``GET /drift/status`` gave it ``at`` that moment (UTC)."""

    at: datetime
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """Windows in the order of time, at least one, no two at the same moment."""

    source: str  # where it is from, for people
    windows: tuple[Recorded, ...]
    notes: tuple[str, ...] = ()  # what people should know about it

    @property
    def distance(self) -> timedelta | None:
        """The usual time from one window to the next; None for a single window."""
        gaps = [after.at - before.at for before, after in pairwise(self.windows)]
        return median(gaps) if gaps else None  # type: ignore[type-var]  # timedeltas can be averaged

    @property
    def measured(self) -> timedelta | None:
        """How much traffic the usual window is about; None where windows do not tell."""
        lengths = list(filter(None, map(_length, self.windows)))
        return median(lengths) if lengths else None  # type: ignore[type-var]

    def spans(self, alone: timedelta) -> list[timedelta]:
        """Return how much time each window stands for: until the next, and the last for the usual distance.

        What is more than twice the usual distance is a gap, of which nobody knows anything; the window before it
        stands for the usual distance, too. A window without others stands for ``alone``.
        """
        usual = self.distance or alone
        gaps = [after.at - before.at for before, after in pairwise(self.windows)]
        return [gap if gap <= 2 * usual else usual for gap in gaps] + [usual]


def _length(recorded: Recorded) -> timedelta | None:
    window = recorded.answer.get("window") or {}
    if not window.get("start") or not window.get("end"):
        return None
    return datetime.fromisoformat(window["end"]) - datetime.fromisoformat(window["start"])


def load_file(path: Path) -> History:
    """Return the history in a CSV or parquet file; UserMistake with the row and column of what is wrong with it."""
    reader = {".csv": _read_csv, ".parquet": _read_parquet}.get(path.suffix.lower())
    if reader is None:
        raise UserMistake(f"{path}: a history is a .csv or a .parquet file")
    try:
        table = reader(path)
    except OSError as error:
        raise UserMistake(f"{path}: it cannot be read: {error.strerror or error}") from None
    return _history(table)


def load_api(api: ModelApi, window: str) -> History:
    """Return the history that a model API has of the last ``window`` (such as ``7d``).

    Raises Outage when it does not answer, UserMistake when it has none to tell.
    """
    try:
        answer = api.get("/drift/history", window=window)
    except UserMistake as error:
        raise UserMistake(f"{error}; give a file with --history") from None
    parts = answer.get("history") if isinstance(answer, Mapping) else None
    if not isinstance(parts, list):
        raise UserMistake(f"{api.url}/drift/history answers without a list 'history'; give a file with --history")
    recorded = sorted((_part(api, part, answer) for part in parts), key=lambda window: window.at)
    if not recorded:
        raise UserMistake(f"the model API at {api.url} has counted no predictions; give a file with --history")
    return History(api.url, tuple(recorded))


def load_ledger(ledger: Ledger, pipeline: str, since: datetime) -> History:
    """Return what the runs of ``pipeline`` themselves found from ``since`` on, as the ledger has it.

    Raises Outage when MLflow does not answer, UserMistake when there is nothing.
    """
    entries = ledger.entries(pipeline=pipeline, kind="drift", since=since, limit=_MOST_ENTRIES)
    found = sorted((entry for entry in entries if entry.decision.outcome != "failed"), key=lambda entry: entry.time)
    if not found:
        raise UserMistake(f"the ledger at {ledger.uri} has no drift of {pipeline} since {since:%Y-%m-%d %H:%M} UTC")
    few = any(entry.decision.inputs.get(LEFT_OUT) for entry in found)
    notes = ("it holds the features that drifted most; mean and share are reckoned from those",) if few else ()
    return History(ledger.uri, tuple(Recorded(entry.time, _told(entry.decision.inputs)) for entry in found), notes)


def _told(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a check of drift found as the answer that it must have been given."""
    model = {"name": inputs.get("model") or "", "version": inputs.get("version") or ""}
    return {**{key: inputs.get(key) for key in ("psi", "samples", "window", "features")}, "model": model}


def _part(api: ModelApi, part: Any, answer: Mapping[str, Any]) -> Recorded:
    """Return one hour or day as if it had been asked for at its end."""
    try:
        at = datetime.fromisoformat(part["end"])
        window = {"start": str(part["start"]), "end": str(part["end"])}
    except (KeyError, TypeError, ValueError):
        raise UserMistake(f"{api.url}/drift/history: a part does not tell when it began and ended") from None
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return Recorded(at, {**part, "window": window, "model": answer.get("model")})


@dataclass(frozen=True)
class _Table:
    """Columns of equal length, and what messages call each row."""

    path: Path
    columns: Mapping[str, Sequence[Any]]
    rows: Sequence[str]

    def mistake(self, what: str, row: int | None = None) -> UserMistake:
        place = f"{self.path}, {self.rows[row]}" if row is not None else str(self.path)
        return UserMistake(f"{place}: {printable(what)}")


def _read_csv(path: Path) -> _Table:
    names: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            names = [name.strip() for name in next(reader, [])]
            rows, places = [], []
            for row in reader:
                if row:  # not an empty line
                    _check_width(path, reader.line_num, row, names)
                    rows.append(row)
                    places.append(f"line {reader.line_num}")
    except UnicodeDecodeError:
        raise UserMistake(f"{path}: it is not in UTF-8") from None
    except csv.Error as error:
        raise UserMistake(f"{path}: it is no CSV: {error}") from None
    table = _Table(path, {}, places)
    _check_names(table, names)
    return _Table(path, dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}, places)


def _check_width(path: Path, line: int, row: Sequence[str], names: Sequence[str]) -> None:
    if len(row) != len(names):
        raise UserMistake(f"{path}, line {line}: it has {len(row)} values, and the first line names {len(names)}")


def _read_parquet(path: Path) -> _Table:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            read = file.read()
    except ArrowException as error:
        raise UserMistake(f"{path}: it is no parquet file: {str(error).splitlines()[0]}") from None
    rows = [f"row {number}" for number in range(1, read.num_rows + 1)]
    _check_names(_Table(path, {}, rows), read.column_names)
    return _Table(path, {name: read.column(name).to_pylist() for name in read.column_names}, rows)


def _check_names(table: _Table, names: Sequence[str]) -> None:
    if not any(names):
        raise table.mistake(f"it is empty; {_WHERE}")
    known = (*REQUIRED, *OPTIONAL)
    for name in names:
        if names.count(name) > 1:
            raise table.mistake(f"the column '{name}' is there twice")
    if missing := [name for name in REQUIRED if name not in names]:
        hint = _guess(missing[0], [name for name in names if name not in known])
        raise table.mistake(f"there is no column '{missing[0]}'{hint}; {_WHERE}")
    for name in names:
        if name not in known and not name.startswith(FEATURE):
            meant = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{meant[0]}'?" if meant else f"a feature's is called '{FEATURE}{name}';"
            raise table.mistake(f"there is no use for the column '{name}': {hint} {_WHERE}")


def _guess(missing: str, names: Sequence[str]) -> str:
    if any(";" in name for name in names):
        return ": its columns are separated by ';', a CSV's by ','"
    near = difflib.get_close_matches(missing, names, n=1)
    return f" (is it '{near[0]}'?)" if near else ""


def _history(table: _Table) -> History:
    if not table.rows:
        raise table.mistake("it has no rows")
    naive: list[int] = []
    moments = [_moment(table, row, value, naive) for row, value in enumerate(table.columns["at"])]
    answers = list(_answers(table))
    order = sorted(range(len(moments)), key=moments.__getitem__)
    notes = [] if order == list(range(len(order))) else ["its rows are not in the order of time: they were sorted"]
    if naive:
        notes.append("its times have no zone: they were read as UTC")
    kept = list(_without_repetition(table, order, moments, answers))
    if len(kept) < len(order):
        notes.append(f"{len(order) - len(kept)} of its rows repeat another one, and count once")
    return History(str(table.path), tuple(Recorded(moments[row], answers[row]) for row in kept), tuple(notes))


def _without_repetition(
    table: _Table, order: Iterable[int], moments: Sequence[datetime], answers: Sequence[Mapping[str, Any]]
) -> Iterator[int]:
    last: int | None = None
    for row in order:
        if last is not None and moments[last] == moments[row]:
            if not _same(answers[last], answers[row]):
                first, second = sorted((last, row))
                what = f"another window of the same moment is in {table.rows[first]}; keep the one of one model"
                raise table.mistake(what, second)
            continue
        yield row
        last = row


def _same(one: Any, other: Any) -> bool:
    """Tell whether two answers are the same; a number that is none (NaN) is as good as another."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other or (one != one and other != other))


def _moment(table: _Table, row: int, value: Any, naive: list[int]) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        shown = "is empty" if value in (None, "") else f"'{value}' is no time"
        raise table.mistake(f"at: {shown}; {_TIME}", row) from None
    if moment.tzinfo is None:
        naive.append(row)
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _answers(table: _Table) -> Iterator[dict[str, Any]]:
    """Return each row as the model API's answer."""
    columns = {name: _converted(table, name, values) for name, values in table.columns.items()}
    features = {name.removeprefix(FEATURE): columns[name] for name in columns if name.startswith(FEATURE)}
    named = list(features)
    drifts: Iterable[tuple[Any, ...]] = zip(*features.values(), strict=True) if features else [()] * len(table.rows)
    for row, psi_by_feature in enumerate(drifts):
        values = {name: columns[name][row] for name in (*_NUMBERS, *OPTIONAL[1:]) if name in columns}
        yield {
            "psi": values["psi"],
            **({"samples": values["samples"]} if values.get("samples") is not None else {}),
            "window": {key: values.get(f"window.{key}") or "" for key in ("start", "end")},
            "model": {key: values.get(f"model.{key}") or "" for key in ("name", "version")},
            "features": {name: psi for name, psi in zip(named, psi_by_feature, strict=True) if psi is not None},
        }


def _converted(table: _Table, name: str, values: Sequence[Any]) -> Sequence[Any]:
    if name in _NUMBERS or name.startswith(FEATURE):
        return _all_numbers(table, name, values)
    if name.startswith("window."):
        naive: list[int] = []
        return [_moment(table, row, value, naive).isoformat() if value not in (None, "") else ""
                for row, value in enumerate(values)]  # fmt: skip
    return ["" if value is None else str(value) for value in values]


def _all_numbers(table: _Table, name: str, values: Sequence[Any]) -> list[float | None]:
    try:
        return [None if value is None or value == "" else float(value) for value in values]
    except (TypeError, ValueError):
        return [_number(table, name, row, value) for row, value in enumerate(values)]


def _number(table: _Table, name: str, row: int, value: Any) -> float | None:
    text = "" if value is None else str(value).strip()
    try:
        return float(text) if text else None
    except ValueError:
        comma = "; a number is written with a point" if "," in text else ""
        raise table.mistake(f"{name}: '{text}' is no number{comma}", row) from None
