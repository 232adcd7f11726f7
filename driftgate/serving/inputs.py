"""Rows as a caller sends them, checked against the signature of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from driftgate.serving.errors import Fault, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from driftgate.bins import Floats

    Rows = Sequence[Mapping[str, object]]

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


@dataclass(frozen=True)
class Signature:
    """The columns of a model, in its order."""

    columns: tuple[Column, ...]

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """The columns that are numbers or booleans."""
        return tuple(column.name for column in self.columns if column.kind != "string")

    @cached_property
    def only_doubles(self) -> bool:
        return all(column.kind == "double" for column in self.columns)

    def read(self, rows: Rows) -> Inputs:
        """Return ``rows``, checked.

        Raises InvalidInputError naming each row and feature that is missing, unknown, wrongly typed or not finite.
        """
        numbers = self._quickly(rows) if self.only_doubles else None
        if numbers is None:
            self._check(rows)
            numbers = np.array([[row.get(name) for name in self.numeric] for row in rows], dtype=np.float64)
            numbers = numbers.reshape(len(rows), len(self.numeric))
        return Inputs(rows, self, numbers)

    def _quickly(self, rows: Rows) -> Floats | None:
        """The numbers, if every row plainly fits; None leaves it to the check that finds the words."""
        width = len(self.columns)
        try:
            values: Any = [[row[name] for name in self.numeric] for row in rows]
            if any(len(row) != width for row in rows) or not {*map(type, chain(*values))} <= {float, int}:
                return None
            numbers = np.array(values, dtype=np.float64)
        except (KeyError, OverflowError):
            return None
        return numbers if np.isfinite(numbers).all() else None

    def _check(self, rows: Rows) -> None:
        faults = [*_unknown(rows, self.columns), *(fault for column in self.columns for fault in _wrong(rows, column))]
        if faults:
            raise InvalidInputError(sorted(faults, key=lambda fault: fault.row))


@dataclass(frozen=True)
class Inputs:
    """Rows that fit ``signature``; ``numbers`` has shape (rows, numeric columns), NaN where null."""

    rows: Rows
    signature: Signature
    numbers: Floats

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows with the columns and types of the signature; null is NaN."""
        import pandas as pd

        if self.signature.only_doubles:
            return pd.DataFrame(self.numbers, columns=self.signature.numeric)
        return pd.DataFrame({column.name: _series(self.rows, column) for column in self.signature.columns})


def _unknown(rows: Rows, columns: Sequence[Column]) -> Iterator[Fault]:
    known = {column.name for column in columns}
    for place, row in enumerate(rows):
        for name in row.keys() - known:
            yield Fault(place, name, "is not a feature of the model")


def _wrong(rows: Rows, column: Column) -> Iterator[Fault]:
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
    if isinstance(value, float) and math.isnan(value):
        return "must be a number or null, not NaN"
    if abs(value) > _LARGEST[kind]:
        return "must be finite" if value in (math.inf, -math.inf) else f"is too large for the type {kind}"
    if kind in ("integer", "long") and isinstance(value, float) and not value.is_integer():
        return f"must be a whole number, not {_shown(value)}"
    return None


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _series(rows: Rows, column: Column) -> pd.Series[Any]:
    import pandas as pd

    values: list[Any] = [row.get(column.name) for row in rows]
    if column.kind not in _DTYPES:
        return pd.Series(values)
    numbers = np.array(values, dtype=np.float64)
    if column.kind in ("float", "double") or np.isnan(numbers).any():
        return pd.Series(numbers.astype("float32" if column.kind == "float" else "float64"))
    return pd.Series(values, dtype=_DTYPES[column.kind])
