"""Both pipelines in process: a copy of the shipped configuration, real MLflow, real model API, real mail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.lab import REPOSITORY, TOKEN, Lab, MailServer
from support.ports import free_port


@pytest.fixture(scope="session", autouse=True)
def airflow_database() -> None:
    """An empty Airflow metadata database in the AIRFLOW_HOME that the root conftest chose."""
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(autouse=True)
def nobody_was_told() -> None:
    """Forget what runs of other tests remembered: the pipelines are called the same."""
    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.query(AssetStateStoreModel).delete()


@pytest.fixture
def lab(tmp_path: Path, mlflow_server: str, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Iterator[Lab]:
    from driftgate.demo import samples

    name = f"monitor_{uuid.uuid4().hex[:8]}"
    made = Lab(tmp_path, name, mlflow_server, free_port())
    made.read_log = lambda: "".join(capfd.readouterr())
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    made.edit("model_retraining", "name: ml_monitor", f"name: {name}")
    made.edit("model_retraining", "n_estimators: 300", "n_estimators: 30")
    defaults = tmp_path / "config" / "defaults.yaml"
    defaults.write_text(defaults.read_text().replace("retries: 2", "retries: 0"))
    samples.write(samples.first_table(), made.data)
    with MailServer(made) as mail_port:
        for variable, value in _environment(made, mail_port).items():
            monkeypatch.setenv(variable, value)
        made.start_api()
        yield made
        made.stop_api()


@pytest.fixture
def drifted(lab: Lab) -> Lab:
    """A lab whose API serves version 1 and has seen 1,500 ordinary and 3,000 shifted rows; none has retrained it."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from support.production import in_service

    from driftgate.demo import samples

    with create_session() as session:
        session.query(DagRun).filter(DagRun.run_id.like("drift__%")).delete()
    in_service(lab, "model_retraining/first")
    table = samples.first_table()
    samples.send(lab.api_url, table, 1_500, seed=1)
    samples.send(lab.api_url, samples.from_new_scanner(table), 3_000, seed=2)
    return lab


def _environment(lab: Lab, mail_port: int) -> dict[str, str]:
    mail = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": mail_port,
        "extra": {"disable_ssl": True, "disable_tls": True, "retry_limit": 0, "timeout": 5},
    }
    return {
        "DRIFTGATE_CONFIG_DIR": str(lab.folder / "config"),
        "DRIFTGATE_DATA_DIR": str(lab.folder),
        "DRIFTGATE_HOME": str(lab.folder / "state"),
        "DRIFTGATE_MODEL_NAME": lab.model,
        "DRIFTGATE_API_TOKEN": TOKEN,
        "MLFLOW_TRACKING_URI": lab.mlflow,
        "AIRFLOW_CONN_MODEL_API": f"http://:{TOKEN}@127.0.0.1:{lab.api_port}",
        "AIRFLOW_CONN_MLFLOW_DEFAULT": lab.mlflow,
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(mail),
    }
