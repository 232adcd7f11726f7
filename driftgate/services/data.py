"""The training table: where it is, how old it is, what is in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from driftgate.durations import parse_duration
from driftgate.errors import Outage, UserMistake

if TYPE_CHECKING:
    import pandas as pd

CLOCK_SKEW = timedelta(minutes=5)
READERS = {".parquet": "read_parquet", ".pq": "read_parquet", ".csv": "read_csv", ".csv.gz": "read_csv"}


def resolve(uri: str) -> str:
    """Return ``uri`` as fsspec understands it; a relative path starts at DRIFTGATE_DATA_DIR (default: here)."""
    if "://" in uri or os.path.isabs(uri):
        return uri
    return str(Path(os.environ.get("DRIFTGATE_DATA_DIR", ".")).resolve() / uri)


def read_table(uri: str) -> pd.DataFrame:
    """Return the parquet or CSV table at ``uri``, any fsspec URL.

    Raises UserMistake when it is missing, of another kind or unreadable, Outage when its store does not answer.
    """
    import fsspec
    import pandas as pd

    reader = getattr(pd, _reader_of(uri))
    packed = {"compression": "gzip"} if uri.lower().endswith(".gz") else {}
    with _explained(uri), fsspec.open(resolve(uri), "rb") as file:
        table: pd.DataFrame = reader(file, **packed)
    return _plain(table)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with decimals as floats; UserMistake for a column whose cells hold lists or mappings."""
    for name, column in table.items():
        first = next((value for value in column.dropna().head(1)), None) if column.dtype == object else None
        if isinstance(first, Decimal):
            table[name] = column.astype(float)
        elif first is not None and not isinstance(first, Hashable):
            raise UserMistake(f"column {name!r} holds a {type(first).__name__} in each cell; one value each is needed")
    return table


def _reader_of(uri: str) -> str:
    for suffix, reader in READERS.items():
        if uri.lower().endswith(suffix):
            return reader
    raise UserMistake(f"{uri} is neither parquet nor CSV; dataset.uri must end in one of {', '.join(READERS)}")


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turn what file systems and parsers raise into our two kinds of error."""
    try:
        yield
    except FileNotFoundError as error:
        if "://" in uri and error.__cause__ is not None:  # how fsspec tells of a server that does not answer
            raise Outage(f"cannot read {uri}: {_first_line(error)}") from error
        raise UserMistake(f"no training data at {resolve(uri)}; put the table there, or change dataset.uri") from error
    except (ImportError, IsADirectoryError, PermissionError, UnicodeDecodeError, ValueError) as error:
        # pandas, pyarrow and fsspec all report what they cannot parse as a ValueError of their own.
        raise UserMistake(f"cannot read {resolve(uri)}: {_first_line(error)}") from error
    except OSError as error:
        # pyarrow raises a bare OSError (no errno) for a damaged file; a real input/output error has one.
        kind = Outage if error.errno else UserMistake
        raise kind(f"cannot read {resolve(uri)}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def last_change(uri: str, timestamp_column: str | None = None) -> datetime:
    """Return when the data was last added to: the newest value of a column, or the file's modification time."""
    if timestamp_column:
        at = ("dataset", "timestamp_column")
        newest: datetime = moments(read_table(uri), timestamp_column, "to tell its age by", at).max().to_pydatetime()
        return newest
    import fsspec

    with _explained(uri):
        fs, path = fsspec.core.url_to_fs(resolve(uri))
        try:
            changed: datetime = fs.modified(path)
        except NotImplementedError:
            raise UserMistake(
                f"{uri} is on a file system that tells no modification times; "
                "name the column that tells the age: dataset.timestamp_column"
            ) from None
    return changed if changed.tzinfo else changed.replace(tzinfo=UTC)


def moments(table: pd.DataFrame, column: str, purpose: str, at: tuple[str, ...]) -> pd.Series:
    """Return the dates of a column in UTC, NaT where there is none; text is read as ISO 8601.

    Raises UserMistake, about the setting ``at``, for a column that is not there or holds something else than dates.
    """
    import pandas as pd

    if column not in table:
        raise UserMistake(f"the data has no column {column!r} {purpose}; it has {_some(table)}", at)
    values = table[column]
    if pd.api.types.is_numeric_dtype(values):
        raise UserMistake(
            f"column {column!r} holds numbers, not dates; store it as dates or as text such as 2026-01-31", at
        )
    # Anything looser would take 02/01/2026 for the first of February, and 13/01/2026 for the 13th of January.
    found = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
    if found.isna().all():
        raise UserMistake(f"column {column!r} holds no dates {purpose}; write them as 2026-01-31", at)
    unread = values[found.isna() & values.notna() & (values.astype(str).str.strip() != "")]
    if len(unread):
        raise UserMistake(
            f"column {column!r} holds {str(unread.iloc[0])[:40]!r} {purpose}; write dates as 2026-01-31, "
            f"which {len(unread)} of {len(values)} rows do not",
            at,
        )
    return found


def _some(table: pd.DataFrame, most: int = 8) -> str:
    names = [str(name) for name in table.columns]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def check_freshness(
    uri: str,
    max_age: str | None,
    timestamp_column: str | None = None,
    now: datetime | None = None,
) -> dict[str, str | float]:
    """Return when the data changed and its age in hours.

    Raises UserMistake when it is older than ``max_age``, such as ``8d`` (None: no limit), or from the future.
    """
    changed = last_change(uri, timestamp_column)
    age = (now or datetime.now(UTC)) - changed
    if age < -CLOCK_SKEW:
        raise UserMistake(
            f"the training data is from the future: last changed {changed:%Y-%m-%d %H:%M} UTC; "
            "mend its timestamps, or the clock of this machine"
        )
    if max_age is not None and age > parse_duration(max_age):
        raise UserMistake(
            f"the training data is stale: last changed {changed:%Y-%m-%d %H:%M} UTC, {_about(age)} ago, "
            f"and dataset.max_age is {max_age}; deliver newer data to {resolve(uri)} or raise the limit"
        )
    return {"last_change": changed.isoformat(), "age_hours": round(age.total_seconds() / 3600, 2)}


def _about(age: timedelta) -> str:
    for unit, word in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours")):
        if age >= 2 * unit:
            return f"{age // unit} {word}"
    return f"{age // timedelta(minutes=1)} minutes"


def digest(table: pd.DataFrame) -> str:
    """Return a short fingerprint of the table's columns and rows, in their order (SHA-256 of pandas' row hashes)."""
    import pandas as pd

    sha = hashlib.sha256("\x1f".join(f"{name}:{dtype}" for name, dtype in table.dtypes.items()).encode())
    sha.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return sha.hexdigest()[:16]
