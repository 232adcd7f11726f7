"""The training table: reading, age, fingerprint."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from driftgate.errors import Outage, UserMistake
from driftgate.services import data

TABLE = pd.DataFrame({"x": [1.0, 2.0], "when": ["2026-01-01T00:00:00Z", "2026-01-03T12:00:00Z"], "target": [0, 1]})


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRIFTGATE_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz"])
def test_parquet_and_csv_tables_read_back_alike(data_dir: Path, name: str) -> None:
    path = data_dir / name
    TABLE.to_parquet(path) if name.endswith("parquet") else TABLE.to_csv(path, index=False)
    pd.testing.assert_frame_equal(data.read_table(name), TABLE, check_dtype=False)


def test_any_fsspec_url_is_read() -> None:
    import fsspec

    with fsspec.open("memory://tables/t.csv", "w") as file:
        TABLE.to_csv(file, index=False)
    assert len(data.read_table("memory://tables/t.csv")) == 2


def test_relative_paths_start_at_the_data_dir(data_dir: Path) -> None:
    assert data.resolve("data/t.parquet") == str(data_dir / "data/t.parquet")
    assert data.resolve("s3://bucket/t.parquet") == "s3://bucket/t.parquet"
    assert data.resolve("/elsewhere/t.csv") == "/elsewhere/t.csv"


def test_a_missing_file_says_where_it_was_looked_for(data_dir: Path) -> None:
    with pytest.raises(UserMistake, match=re.escape(f"no training data at {data_dir / 'gone.parquet'}")):
        data.read_table("gone.parquet")


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(UserMistake, match=r"t\.xlsx is neither parquet nor CSV"):
        data.read_table("t.xlsx")


@pytest.mark.parametrize("name", ["broken.parquet", "broken.csv", "broken.csv.gz"])
def test_a_damaged_file_is_a_mistake_and_not_a_crash(data_dir: Path, name: str) -> None:
    (data_dir / name).write_bytes(b"\x80\xff\x00 not a table \xfe" * 20)
    with pytest.raises(UserMistake, match="cannot read"):
        data.read_table(name)


def test_an_empty_file_is_a_mistake(data_dir: Path) -> None:
    (data_dir / "empty.csv").touch()
    with pytest.raises(UserMistake, match="cannot read"):
        data.read_table("empty.csv")


def test_age_is_told_by_the_modification_time(data_dir: Path) -> None:
    path = data_dir / "t.parquet"
    TABLE.to_parquet(path)
    written = datetime(2026, 3, 1, tzinfo=UTC)
    os.utime(path, (written.timestamp(), written.timestamp()))
    found = data.check_freshness("t.parquet", "8d", now=written + timedelta(days=7))
    assert found == {"last_change": "2026-03-01T00:00:00+00:00", "age_hours": 168.0}


def test_age_is_told_by_a_timestamp_column(data_dir: Path) -> None:
    TABLE.to_csv(data_dir / "t.csv", index=False)
    assert data.last_change("t.csv", "when") == datetime(2026, 1, 3, 12, tzinfo=UTC)


def test_stale_data_says_how_old_it_is_and_what_the_limit_is(data_dir: Path) -> None:
    TABLE.to_csv(data_dir / "t.csv", index=False)
    with pytest.raises(UserMistake, match=r"last changed 2026-01-03 12:00 UTC, 9 days ago, and dataset.max_age is 8d"):
        data.check_freshness("t.csv", "8d", "when", now=datetime(2026, 1, 12, 13, tzinfo=UTC))


def test_data_exactly_at_the_limit_is_fresh(data_dir: Path) -> None:
    TABLE.to_csv(data_dir / "t.csv", index=False)
    at_limit = datetime(2026, 1, 11, 12, tzinfo=UTC)
    assert data.check_freshness("t.csv", "8d", "when", now=at_limit)["age_hours"] == 192.0


@pytest.mark.parametrize(
    ("column", "message"),
    [("nope", "no column 'nope'.*it has x, when, target"), ("text", "column 'text' holds no dates")],
)
def test_a_timestamp_column_that_tells_nothing_is_a_mistake(data_dir: Path, column: str, message: str) -> None:
    table = TABLE if column == "nope" else TABLE.rename(columns={"x": "text"}).assign(text="never")
    table.to_csv(data_dir / "t.csv", index=False)
    with pytest.raises(UserMistake, match=message):
        data.last_change("t.csv", column)


def test_the_digest_changes_with_any_value_name_or_order() -> None:
    digests = {
        data.digest(table)
        for table in (TABLE, TABLE.assign(x=[1.0, 2.5]), TABLE.rename(columns={"x": "y"}), TABLE.iloc[::-1])
    }
    assert len(digests) == 4
    assert data.digest(TABLE) == data.digest(TABLE.copy())


def test_without_a_limit_any_age_is_fresh(data_dir: Path) -> None:
    TABLE.to_csv(data_dir / "t.csv", index=False)
    assert data.check_freshness("t.csv", None, "when")["last_change"].startswith("2026-01-03")


def test_data_from_the_future_is_refused(data_dir: Path) -> None:
    TABLE.assign(when=["2026-01-01", "2099-01-01"]).to_csv(data_dir / "t.csv", index=False)
    with pytest.raises(UserMistake, match="from the future: last changed 2099-01-01"):
        data.check_freshness("t.csv", "8d", "when")


def test_numbers_are_not_taken_for_dates(data_dir: Path) -> None:
    TABLE.to_csv(data_dir / "t.csv", index=False)
    with pytest.raises(UserMistake, match="column 'x' holds numbers, not dates"):
        data.last_change("t.csv", "x")


def test_a_server_that_does_not_answer_is_an_outage_and_not_missing_data() -> None:
    with pytest.raises(Outage):
        data.read_table("http://127.0.0.1:9/t.csv")


def test_decimals_become_floats_and_lists_are_refused(data_dir: Path) -> None:
    from decimal import Decimal

    pd.DataFrame({"x": [Decimal("1.50"), Decimal("2.25")]}).to_parquet(data_dir / "d.parquet")
    assert data.read_table("d.parquet")["x"].tolist() == [1.5, 2.25]
    pd.DataFrame({"x": [[1], [2, 3]]}).to_parquet(data_dir / "l.parquet")
    with pytest.raises(UserMistake, match=r"column 'x' holds a .* in each cell"):
        data.read_table("l.parquet")


def test_the_case_of_an_ending_does_not_matter(data_dir: Path) -> None:
    TABLE.to_csv(data_dir / "T.CSV.GZ", index=False, compression="gzip")
    assert len(data.read_table("T.CSV.GZ")) == 2
