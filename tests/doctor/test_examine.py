from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from driftgate.doctor.examine import examine
from driftgate.doctor.surroundings import here

MAILING = """\
dag_id: mailing
schedule: null
alerts: {channels: {ops: {type: email, connection: post, from: a@example.com, to: [b@example.com]}}}
tasks:
  tell: {operator: send_alert, channels: [ops], subject: hi, message: hi}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "mailing.yaml").write_text(MAILING)
    return tmp_path


def test_where_a_mail_server_is_missing_both_ways_to_name_one_are_told(config: Path) -> None:
    around = replace(here(config, "", airflow="http://127.0.0.1:1"), connection=lambda conn_id: None)

    [missing] = [finding for finding in examine(around) if "there is no post" in finding.seen]

    assert "airflow connections add post" in missing.todo
    assert "SMTP_HOST in .env" in missing.todo
