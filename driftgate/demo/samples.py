"""The demo's data: breast-cancer measurements, and what a new scanner makes of them.

The table is the Wisconsin diagnostic data that scikit-learn brings: 569 tumours, 30 measurements each, real.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from driftgate.errors import Outage, UserMistake

if TYPE_CHECKING:
    import pandas as pd

BATCH = 100
LENGTHS = ("radius", "perimeter")
ENLARGEMENT = 1.3  # the new scanner draws everything 30 % larger; areas grow by the square


def first_table() -> pd.DataFrame:
    """569 rows of 30 measurements and ``target`` (0 malignant, 1 benign)."""
    from sklearn.datasets import load_breast_cancer

    table: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return table


def from_new_scanner(table: pd.DataFrame) -> pd.DataFrame:
    """The same tumours as a scanner with a larger scale sees them."""
    lengths = [name for name in table.columns if any(word in name for word in LENGTHS)]
    areas = [name for name in table.columns if "area" in name]
    enlarged = table.copy()
    enlarged[lengths] *= ENLARGEMENT
    enlarged[areas] *= ENLARGEMENT**2
    return enlarged


def read(path: Path) -> pd.DataFrame:
    """Return the demo's training table; UserMistake when there is none yet."""
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise UserMistake(f"no training data at {path}; start the demo first: make demo") from None


def write(table: pd.DataFrame, path: Path) -> None:
    """Write the table as parquet, whole or not at all: a task may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".parquet", delete=False) as file:
        table.to_parquet(file.name)
    os.chmod(file.name, 0o644)  # public data, and Airflow may run as another user
    os.replace(file.name, path)


def send(api_url: str, table: pd.DataFrame, rows: int, seed: int, token: str | None = None) -> dict[str, Any]:
    """Ask the API for predictions on ``rows`` rows drawn from the table; returns the model that answered."""
    drawn = table.drop(columns="target").sample(rows, replace=True, random_state=seed)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    model: dict[str, Any] = {}
    for start in range(0, rows, BATCH):
        batch = drawn.iloc[start : start + BATCH].to_dict(orient="records")
        try:
            answer = requests.post(f"{api_url}/predict", json={"rows": batch}, headers=headers, timeout=30)
        except requests.RequestException as error:
            raise Outage(f"the model API does not answer at {api_url} ({type(error).__name__})") from None
        if not answer.ok:
            raise Outage(f"the model API refused predictions: {answer.status_code} {answer.text[:200]}")
        model = answer.json()["model"]
    return model


if __name__ == "__main__":  # for another Airflow to begin with: python -m driftgate.demo.samples > training.parquet
    import sys

    sys.stdout.buffer.write(first_table().to_parquet())
