"""Secrets are made once, belong to one service each, and are no two alike."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from driftgate.deploy import secrets

Given = list[tuple[str, int]]


@pytest.fixture
def given() -> Given:
    return []


def make(folder: Path, given: Given) -> list[str]:
    return secrets.make(folder, give=lambda path, uid: given.append((path.relative_to(folder).as_posix(), uid)))


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_first_time_makes_all_of_them(tmp_path: Path, given: Given) -> None:
    assert make(tmp_path, given) == list(secrets.RANDOM)
    values = [secrets.read(tmp_path, name) for name in secrets.RANDOM]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 43 for value in values)
    Fernet(secrets.read(tmp_path, "fernet-key").encode())


def test_the_second_time_changes_nothing(tmp_path: Path, given: Given) -> None:
    make(tmp_path, given)
    before = contents(tmp_path)

    assert make(tmp_path, given) == []
    assert contents(tmp_path) == before


def test_removing_one_renews_it_everywhere_and_no_other(tmp_path: Path, given: Given) -> None:
    make(tmp_path, given)
    before = contents(tmp_path)
    (tmp_path / "init" / "api-token").unlink()

    assert make(tmp_path, given) == ["api-token"]
    after = contents(tmp_path)
    assert {path for path in after if after[path] != before[path]} == {
        "init/api-token",
        "model-api/DRIFTGATE_API_TOKEN",
    }


def test_only_the_owner_reads_a_file(tmp_path: Path, given: Given) -> None:
    make(tmp_path, given)

    for path in tmp_path.rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o400
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    owners = dict(given)
    assert all(owners[path] == secrets.OWNERS[path] for path in secrets.OWNERS)
    assert {uid for path, uid in given if path.startswith("init/")} == {0}


def test_a_service_sees_no_password_of_another(tmp_path: Path, given: Given) -> None:
    make(tmp_path, given)
    found = contents(tmp_path)
    admin = secrets.read(tmp_path, "database-admin")
    token = secrets.read(tmp_path, "api-token")

    assert [path for path, text in found.items() if admin in text] == ["init/database-admin"]
    assert {path.split("/")[0] for path, text in found.items() if token in text} == {"init", "model-api"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_go_to_their_owners(tmp_path: Path) -> None:
    secrets.make(tmp_path)

    assert (tmp_path / "mlflow" / "basic_auth.ini").stat().st_uid == secrets.OWNERS["mlflow"]
    assert (tmp_path / "init" / "fernet-key").stat().st_uid == 0


def test_postgres_gets_its_own_password_alone(tmp_path: Path, given: Given) -> None:
    make(tmp_path / "all", given)
    secrets.hand_to_postgres(tmp_path / "all", tmp_path / "password")

    assert (tmp_path / "password").read_text() == secrets.read(tmp_path / "all", "database-admin")
