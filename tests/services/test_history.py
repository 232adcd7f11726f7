"""A history is read to the letter, and what is wrong with it is told with its row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from driftgate.errors import UserMistake
from driftgate.services.history import History, load_file

HEAD = "at,psi,samples,features.mean area,window.end,model.version"


def csv(folder: Path, *lines: str) -> Path:
    path = folder / "drift.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(folder: Path, *lines: str) -> History:
    return load_file(csv(folder, *lines))


def test_each_column_becomes_what_the_api_would_have_answered(tmp_path: Path) -> None:
    (found,) = load(tmp_path, HEAD, "2026-03-01T10:00:00+01:00,0.12,900,0.12,2026-03-01T08:59:00Z,3").windows

    assert found.at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert found.answer == {
        "psi": 0.12,
        "samples": 900.0,
        "window": {"start": "", "end": "2026-03-01T08:59:00+00:00"},
        "model": {"name": "", "version": "3"},
        "features": {"mean area": 0.12},
    }


def test_what_is_empty_is_not_known(tmp_path: Path) -> None:
    first, second = load(tmp_path, HEAD, "2026-03-01T09:00Z,,,,,", "2026-03-01T10:00Z,nan,5,,,").windows

    assert (first.answer["psi"], "samples" in first.answer, first.answer["features"]) == (None, False, {})
    assert second.answer["psi"] != second.answer["psi"]


def test_rows_are_sorted_and_repetitions_count_once(tmp_path: Path) -> None:
    found = load(tmp_path, "at,psi", "2026-03-02,0.2", "2026-03-01,0.1", "2026-03-02,0.2", "", "2026-03-03,nan",
                 "2026-03-03,nan")  # fmt: skip

    assert [window.at.day for window in found.windows] == [1, 2, 3]
    assert found.notes == (
        "its rows are not in the order of time: they were sorted",
        "its times have no zone: they were read as UTC",
        "2 of its rows repeat another one, and count once",
    )


def test_time_is_shared_out_between_the_windows(tmp_path: Path) -> None:
    days = [f"2026-03-{day:02}T00:00Z,0.1" for day in (1, 2, 3, 10, 11)]
    found = load(tmp_path, "at,psi", *days)

    assert found.distance == timedelta(days=1)
    assert found.spans(timedelta(hours=1)) == [timedelta(days=1)] * 5  # a week is a gap
    assert load(tmp_path, "at,psi", days[0]).spans(timedelta(hours=6)) == [timedelta(hours=6)]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([""], ": it is empty; docs/backtest.md lists the columns"),
        (["at,psi"], ": it has no rows"),
        (["time,psi", "2026-03-01,1"], ": there is no column 'at'; docs/backtest.md lists the columns"),
        (["at,PSI", "2026-03-01,1"], ": there is no column 'psi'; docs/backtest.md lists the columns"),
        (["at,psy", "2026-03-01,1"], ": there is no column 'psi' (is it 'psy'?); docs/backtest.md lists the columns"),
        (["at;psi", "2026-03-01;1"],
         ": there is no column 'at': its columns are separated by ';', a CSV's by ','; "
         "docs/backtest.md lists the columns"),
        (["at,psi,sample", "2026-03-01,1,1"],
         ": there is no use for the column 'sample': did you mean 'samples'? docs/backtest.md lists the columns"),
        (["at,psi,mean area", "2026-03-01,1,1"],
         ": there is no use for the column 'mean area': a feature's is called 'features.mean area'; "
         "docs/backtest.md lists the columns"),
        (["at,psi,psi", "2026-03-01,1,1"], ": the column 'psi' is there twice"),
        (["at,psi", "2026-03-01,1,5"], ", line 2: it has 3 values, and the first line names 2"),
        (["at,psi", "2026-03-01,1", "", "1 March,1"],
         ", line 4: at: '1 March' is no time; write it like 2026-03-01T09:00:00Z"),
        (["at,psi", ",1"], ", line 2: at: is empty; write it like 2026-03-01T09:00:00Z"),
        (["at,psi", "2026-03-01,high"], ", line 2: psi: 'high' is no number"),
        (["at,psi", '2026-03-01,"0,3"'], ", line 2: psi: '0,3' is no number; a number is written with a point"),
        (["at,psi", "2026-03-01,0.1", "2026-03-02,0.1", "2026-03-01,0.2"],
         ", line 4: another window of the same moment is in line 2; keep the one of one model"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(lines: list[str], told: str, tmp_path: Path) -> None:
    with pytest.raises(UserMistake) as error:
        load(tmp_path, *lines)

    assert str(error.value) == f"{tmp_path / 'drift.csv'}{told}"


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    told = {
        "drift.xlsx": "a history is a .csv or a .parquet file",
        "gone.csv": "it cannot be read: No such file or directory",
        "bytes.csv": "it is not in UTF-8",
        "text.parquet": "it is no parquet file: ",
    }
    (tmp_path / "bytes.csv").write_bytes(b"at,psi\n\xff\xfe,1\n")
    (tmp_path / "text.parquet").write_text("at,psi\n")
    for name, words in told.items():
        with pytest.raises(UserMistake, match=f"{name}: {words}"):
            load_file(tmp_path / name)


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    moments = pa.array([datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (0, 1)])
    table = {
        "at": moments.cast(pa.timestamp("us", "+02:00")),
        "psi": [0.1, None],
        "samples": [700, 10],
        "features.a": [0.1, float("nan")],
    }
    pq.write_table(pa.table(table), tmp_path / "drift.parquet")

    found = load_file(tmp_path / "drift.parquet").windows

    assert [window.at.hour for window in found] == [0, 1]
    assert (found[0].answer["psi"], found[0].answer["samples"], found[1].answer["psi"]) == (0.1, 700.0, None)


def test_a_parquet_row_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"at": ["2026-03-01", "soon"], "psi": [0.1, 0.2]}), tmp_path / "drift.parquet")

    with pytest.raises(UserMistake, match="row 2: at: 'soon' is no time"):
        load_file(tmp_path / "drift.parquet")
