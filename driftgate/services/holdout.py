"""The rows kept away from training: the same ones for whoever asks, from the same data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from driftgate.errors import UserMistake
from driftgate.services import data

if TYPE_CHECKING:
    import pandas as pd

SEED = 20_240_101  # any number, as long as it never changes


@dataclass(frozen=True)
class Choice:
    """How rows are held out, and which columns are features.

    With ``split_by``, a column of dates, the newest ``test_size`` of the rows are held out; else as many at random.
    Neither it nor ``timestamp_column`` is a feature.
    """

    target: str
    test_size: float
    split_by: str | None = None
    timestamp_column: str | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Choice:
        """Return the choice among ``facts``, such as what training returned."""
        return cls(
            facts["target"],
            facts["test_size"],
            facts.get("split_by"),
            facts.get("timestamp_column"),
        )

    def facts(self) -> dict[str, Any]:
        """Return the choice as JSON."""
        return asdict(self)

    @property
    def how(self) -> str:
        """How rows are held out, in words: MLflow keeps them as the run's parameter ``split``."""
        return f"by {self.split_by}" if self.split_by else "random"


@dataclass(frozen=True)
class Split:
    """Features and target of the rows to train on and of those held out.

    ``held_rows`` are the latter with every column but the target, for a model that learnt from more columns;
    ``undated`` is how many rows had no date to be split by.
    """

    train_x: pd.DataFrame
    train_y: pd.Series
    held_x: pd.DataFrame
    held_y: pd.Series
    held_rows: pd.DataFrame
    undated: int = 0

    @property
    def seed(self) -> int:
        """A number that says which rows are held out, to draw random numbers from: a retry draws the same."""
        return int(data.digest(self.held_x) + data.digest(self.held_y.to_frame()), 16)


def split(table: pd.DataFrame, choice: Choice) -> Split:
    """Hold out rows as ``choice`` says; at random, each class is in proportion where the target has classes.

    Raises UserMistake when a column is missing, or there are too few rows, of a class or of an age.
    """
    if choice.timestamp_column is not None and choice.timestamp_column not in table:
        raise UserMistake(f"the data has no column {choice.timestamp_column!r}", ("dataset", "timestamp_column"))
    labels = _labels(table, choice.target)
    rows = table.drop(columns=choice.target)
    return _by_time(rows, labels, choice) if choice.split_by else _at_random(rows, labels, choice)


def _features(rows: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Return the rows without their dates: when a row was made teaches nothing."""
    moments = [name for name, kind in rows.dtypes.items() if kind.kind == "M"]
    named = [name for name in (choice.split_by, choice.timestamp_column) if name is not None]
    return rows.drop(columns=[*dict.fromkeys([*moments, *named])])


def _labels(table: pd.DataFrame, target: str) -> pd.Series:
    if target not in table:
        raise UserMistake(f"the data has no column {target!r}, which dataset.target names")
    labels = table[target]
    if labels.nunique() == 1:
        raise UserMistake(f"every row has the same {target!r}, {labels.iloc[0]}; there is nothing to learn")
    if labels.isna().any():
        raise UserMistake(f"{int(labels.isna().sum())} rows have no {target!r}; a model cannot learn from them")
    return labels


def _at_random(rows: pd.DataFrame, labels: pd.Series, choice: Choice) -> Split:
    from sklearn.model_selection import train_test_split

    try:
        parts = train_test_split(
            rows,
            labels,
            test_size=choice.test_size,
            random_state=SEED,
            stratify=labels if is_class(labels) else None,
        )
    except (TypeError, ValueError) as error:
        raise UserMistake(f"cannot hold out {choice.test_size:.0%} of {len(labels)} rows: {error}") from error
    train, held, train_y, held_y = parts
    return Split(_features(train, choice), train_y, _features(held, choice), held_y, held)


def _by_time(rows: pd.DataFrame, labels: pd.Series, choice: Choice) -> Split:
    at = ("model", "split", "by")
    column = str(choice.split_by)
    moments = data.moments(rows, column, "to split the rows by", at)
    held = _newest(moments, choice.test_size)
    if held is None:
        raise UserMistake(f"every row has the same date in {column!r}; there is no older part to train on", at)
    older = moments.notna() & ~held
    if labels[older].nunique() == 1:
        raise UserMistake(
            f"every row older than the hold-out has the same {choice.target!r}, {labels[older].iloc[0]}; "
            "lower model.test_size, or gather data over a longer time",
            at,
        )
    features, undated = _features(rows, choice), int(moments.isna().sum())
    return Split(features[older], labels[older], features[held], labels[held], rows[held], undated)


def _newest(moments: pd.Series, share: float) -> pd.Series | None:
    """Return which rows are the newest ``share``, or None where there is no older one.

    Rows of one moment stay together, on the side that comes nearer to the share; the older side is never empty.
    """
    known = moments.dropna()
    wanted = math.ceil(share * len(known))
    cut = known.nlargest(wanted).iloc[-1]
    since: pd.Series = moments >= cut
    after: pd.Series = moments > cut
    if since.sum() == len(known) or (after.any() and wanted - after.sum() < since.sum() - wanted):
        return after if after.any() else None
    return since


def is_class(labels: pd.Series) -> bool:
    """Whether the target names classes rather than measures a quantity."""
    from sklearn.utils.multiclass import type_of_target

    return str(type_of_target(labels)) in ("binary", "multiclass")
