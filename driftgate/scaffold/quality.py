"""Rules for a table that it keeps today, with some room: where somebody who knows the data goes on from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.errors import UserMistake

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 40
_MOST_CLASSES = 20  # of a target; more distinct numbers are a quantity
_MOST_WORDS = 15  # that a column of text is limited to
_ROOM = 0.1  # of the range that was found, on either side
_HAIR = 1e-9  # what only computing adds to a number
_USUAL_GAPS = 0.05
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")


@dataclass(frozen=True)
class Column:
    """The rules for one column, and what was found in it."""

    name: str
    rules: Mapping[str, Any]
    found: str


@dataclass(frozen=True)
class Proposal:
    """What a table suggests."""

    rows: int
    width: int  # its number of columns
    min_rows: int
    max_missing_share: float
    max_duplicate_share: float
    columns: tuple[Column, ...]
    classes: int  # of the target
    timestamp_column: str | None  # the column with the newest dates
    notes: tuple[str, ...]

    @property
    def section(self) -> dict[str, Any]:
        """The section ``quality``, as data."""
        columns = {column.name: dict(column.rules) for column in self.columns}
        shares = {"max_missing_share": self.max_missing_share, "max_duplicate_share": self.max_duplicate_share}
        return {"min_rows": self.min_rows, **shares, "columns": columns}


def propose(table: pd.DataFrame, target: str) -> Proposal:
    """Return rules that ``table`` keeps; UserMistake when no model can be trained on it."""
    _check(table, target)
    named = [name for name in table.columns if isinstance(name, str)]
    first = [target, *(name for name in named if name != target)][:MOST_COLUMNS]
    columns = tuple(_column(name, table[name], is_target=name == target) for name in first)
    dates = {column.name: _newest(table[column.name]) for column in columns if column.rules["type"] == "datetime"}
    return Proposal(
        rows=len(table),
        width=len(table.columns),
        min_rows=max(1, _rounded_down(len(table) / 2)),
        max_missing_share=_USUAL_GAPS,
        max_duplicate_share=_share(float(table.duplicated().mean()), least=0.01),
        columns=columns,
        classes=int(table[target].nunique()),
        timestamp_column=max(dates, key=lambda name: dates[name], default=None),
        notes=tuple(_notes(table, columns, len(named))),
    )


def _check(table: pd.DataFrame, target: str) -> None:
    if target not in table:
        some = ", ".join(map(str, table.columns[:12]))
        raise UserMistake(f"the data have no column '{target}'; they have {some}{' …' * (len(table.columns) > 12)}")
    labels = table[target].dropna()
    if labels.nunique() < 2:
        raise UserMistake(f"'{target}' has no two different values; there is nothing to learn")
    broken = labels.dtype.kind == "f" and not bool((labels % 1 == 0).all())
    if broken or labels.nunique() > _MOST_CLASSES:
        found = f"'{target}' has {labels.nunique()} different values, so it is a quantity or a name, not a class"
        raise UserMistake(f"{found}; the gates are for models that tell classes apart")


def _column(name: str, values: pd.Series, *, is_target: bool) -> Column:
    rules, found = _rules(values, limited=is_target)
    gaps = float(values.isna().mean())
    if is_target:
        rules["max_missing_share"] = 0
    elif gaps > _USUAL_GAPS / 2:
        rules["max_missing_share"] = _share(gaps, least=_USUAL_GAPS)
    missing = f"{gaps:.1%} missing" if gaps else ""
    return Column(name, rules, ", ".join(part for part in (found, missing) if part))


def _rules(values: pd.Series, *, limited: bool) -> tuple[dict[str, Any], str]:
    """Return the rules for a column's values, and what they are; ``limited`` to those that there are."""
    import pandas.api.types as types

    present = values.dropna()
    if types.is_bool_dtype(present.infer_objects()) and len(present):
        return {"type": "boolean"}, ""
    if types.is_numeric_dtype(values) and len(present):
        return _numbers(present, limited=limited)
    if types.is_datetime64_any_dtype(values) or _are_dates(present):
        return {"type": "datetime"}, f"newest {_newest(values)}" if len(present) else ""
    return _words(present, limited=limited)


def _numbers(present: pd.Series, *, limited: bool) -> tuple[dict[str, Any], str]:
    kind = "integer" if bool((present % 1 == 0).all()) else "number"
    if limited:
        return {"type": kind, "allowed": [_plain(value) for value in sorted(present.unique())]}, ""
    low, high = float(present.min()), float(present.max())
    if not math.isfinite(low) or not math.isfinite(high) or max(abs(low), abs(high)) > 2**53:
        return {"type": kind}, ""
    least, most = _range(low, high)
    if kind == "integer":
        least, most = math.floor(least), math.ceil(most)
    return {"type": kind, "min": least, "max": most}, f"found {low:g} to {high:g}"


def _range(low: float, high: float) -> tuple[float, float]:
    """Return a range around the one that was found, in round numbers; what is never negative stays so."""
    size = (high - low) or abs(high) or 1.0
    step = 10.0 ** (math.floor(math.log10(size)) - 1)
    least = math.floor((low - _ROOM * size) / step + _HAIR) * step
    most = math.ceil((high + _ROOM * size) / step - _HAIR) * step
    return _tidy(max(0.0, least) if low >= 0 else least), _tidy(most)


def _tidy(value: float) -> float:
    """Return a number without the last digits that only computing gave it."""
    rounded = float(f"{value:.12g}")
    return int(rounded) if rounded.is_integer() else rounded


def _words(present: pd.Series, *, limited: bool) -> tuple[dict[str, Any], str]:
    texts = all(isinstance(value, str) for value in present)
    distinct = present.unique()
    rules: dict[str, Any] = {"type": "string"} if texts else {}
    if limited or (texts and 0 < len(distinct) <= _MOST_WORDS and len(present) >= 5 * len(distinct)):
        return {**rules, "allowed": [_plain(value) for value in sorted(distinct, key=str)]}, ""
    if texts and len(distinct) == len(present) >= 50:
        return {**rules, "unique": True}, "every value differs"
    return rules, f"{len(distinct)} different values"


def _plain(value: Any) -> Any:
    """Return a value of numpy's as Python's own, and whole numbers as such."""
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _are_dates(present: pd.Series) -> bool:
    import pandas as pd

    texts = len(present) > 0 and all(isinstance(value, str) and _DATE.fullmatch(value) for value in present)
    return texts and bool(pd.to_datetime(present, errors="coerce", utc=True, format="ISO8601").notna().all())


def _newest(values: pd.Series) -> str:
    import pandas as pd

    newest = pd.to_datetime(values.dropna(), errors="coerce", utc=True, format="ISO8601").max()
    return "" if pd.isna(newest) else newest.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")


def _share(found: float, *, least: float) -> float:
    """Return twice the share that was found, in whole hundredths."""
    return min(1.0, max(least, math.ceil(found * 200) / 100))


def _rounded_down(number: float) -> int:
    """Return ``number`` with its first two digits alone."""
    digits = 10 ** max(0, int(math.log10(max(number, 1))) - 1)
    return int(number // digits * digits)


def _notes(table: pd.DataFrame, columns: tuple[Column, ...], named: int) -> Iterator[str]:
    """Say what a person should look at; the first of ``columns`` is the target."""
    if gaps := int(table[columns[0].name].isna().sum()):
        yield f"'{columns[0].name}' is missing in {gaps} of {len(table)} rows, which its rule forbids: leave them out"
    for column in columns:
        if not column.rules.get("unique") and table[column.name].nunique(dropna=False) < 2:
            yield f"'{column.name}' is the same in every row, so it teaches a model nothing: leave it out of the data"
        if column.rules.get("unique"):
            yield f"'{column.name}' is different in every row, so it teaches a model nothing: leave it out of the data"
        if column.rules.get("type") == "datetime" and table[column.name].dtype.kind != "M":
            yield f"'{column.name}' holds dates as text, which a model takes for categories: parquet stores dates"
    if named > len(columns):
        yield f"only the first {len(columns)} of {named} columns have rules"
