"""Rows as a caller sends them, checked against the signature of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftgate.serving.errors import Fault, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

_ABSENT = object()
_LARGEST: dict[str, float] = {
    "integer": 2**31 - 1,
    "long": 2**63 - 1,
    "float": float(np.finfo(np.float32).max),
    "double": float(np.finfo(np.float64).max),
}
_DTYPES = {"integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
KINDS = frozenset({*_LARGEST, "boolean", "string"})


@dataclass(frozen=True)
class Column:
    """A column of an MLflow signature; ``kind`` is one of ``KINDS``, MLflow's names of types."""

    name: str
    kind: str
    required: bool = True

    @property
    def nullable(self) -> bool:
        return not self.required or self.kind in _LARGEST


def to_frame(rows: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> pd.DataFrame:
    """Return ``rows`` with the columns and types of the signature, one line each; null becomes NaN.

    Raises InvalidInputError naming each row and feature that is missing, unknown, wrongly typed or infinite.
    """
    import pandas as pd

    faults = [*_unknown(rows, columns), *(fault for column in columns for fault in _wrong(rows, column))]
    if faults:
        raise InvalidInputError(sorted(faults, key=lambda fault: fault.row))
    return pd.DataFrame({column.name: _series(rows, column) for column in columns})


def _unknown(rows: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> Iterator[Fault]:
    known = {column.name for column in columns}
    for place, row in enumerate(rows):
        for name in row.keys() - known:
            yield Fault(place, name, "is not a feature of the model")


def _wrong(rows: Sequence[Mapping[str, object]], column: Column) -> Iterator[Fault]:
    for place, row in enumerate(rows):
        message = _complaint(row.get(column.name, _ABSENT), column)
        if message:
            yield Fault(place, column.name, message)


def _complaint(value: Any, column: Column) -> str | None:
    if value is _ABSENT:
        return "is missing" if column.required else None
    if value is None:
        return None if column.nullable else "must not be null"
    if column.kind in _LARGEST:
        return _number_complaint(value, column.kind)
    if column.kind == "boolean":
        return None if isinstance(value, bool) else f"must be true or false, not {_shown(value)}"
    return None if isinstance(value, str) else f"must be text, not {_shown(value)}"


def _number_complaint(value: Any, kind: str) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be a number, not {_shown(value)}"
    if abs(value) > _LARGEST[kind]:
        return "must be finite" if value in (math.inf, -math.inf) else f"is too large for the type {kind}"
    whole = kind in ("integer", "long")
    if whole and isinstance(value, float) and not (value.is_integer() or math.isnan(value)):
        return f"must be a whole number, not {_shown(value)}"
    return None


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _series(rows: Sequence[Mapping[str, object]], column: Column) -> pd.Series[Any]:
    import pandas as pd

    values: list[Any] = [row.get(column.name) for row in rows]
    if column.kind not in _DTYPES:
        return pd.Series(values)
    numbers = np.array(values, dtype=np.float64)
    if column.kind in ("float", "double") or np.isnan(numbers).any():
        return pd.Series(numbers.astype("float32" if column.kind == "float" else "float64"))
    return pd.Series(values, dtype=_DTYPES[column.kind])
