"""The rows kept away from training: the same ones for whoever asks, from the same data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftgate.errors import UserMistake

if TYPE_CHECKING:
    import pandas as pd

SEED = 20_240_101  # any number, as long as it never changes


@dataclass(frozen=True)
class Split:
    """Features and target of the rows to train on and of those held out."""

    train_x: pd.DataFrame
    train_y: pd.Series
    held_x: pd.DataFrame
    held_y: pd.Series


def split(table: pd.DataFrame, target: str, test_size: float) -> Split:
    """Hold out a share ``test_size`` of the rows at random, each class in proportion where the target has classes.

    Raises UserMistake when the target is missing or there are too few rows of a class.
    """
    from sklearn.model_selection import train_test_split

    if target not in table:
        raise UserMistake(f"the data has no column {target!r}, which dataset.target names")
    moments = [name for name, kind in table.dtypes.items() if kind.kind == "M" and name != target]
    features, labels = table.drop(columns=[target, *moments]), table[target]  # when a row was made teaches nothing
    if labels.nunique() == 1:
        raise UserMistake(f"every row has the same {target!r}, {labels.iloc[0]}; there is nothing to learn")
    if labels.isna().any():
        raise UserMistake(f"{int(labels.isna().sum())} rows have no {target!r}; a model cannot learn from them")
    try:
        parts = train_test_split(
            features,
            labels,
            test_size=test_size,
            random_state=SEED,
            stratify=labels if is_class(labels) else None,
        )
    except (TypeError, ValueError) as error:
        raise UserMistake(f"cannot hold out {test_size:.0%} of {len(table)} rows: {error}") from error
    train_x, held_x, train_y, held_y = parts
    return Split(train_x, train_y, held_x, held_y)


def is_class(labels: pd.Series) -> bool:
    """Whether the target names classes rather than measures a quantity."""
    from sklearn.utils.multiclass import type_of_target

    return str(type_of_target(labels)) in ("binary", "multiclass")
