"""``driftgate plan --deployed`` beside a real API server of Airflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.lab import REPOSITORY, Lab
from support.ports import free_port

AT_ONCE = "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL"  # else half a minute


def driftgate(*words: str, cwd: Path, **variables: str) -> tuple[int, str]:
    ours = ("DRIFTGATE_", "NO_COLOR", "FORCE_COLOR", "AIRFLOW_ADMIN")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "driftgate", *words], cwd=cwd, capture_output=True, text=True, check=False,
        env={**environment, "PYTHONPATH": str(REPOSITORY), **variables},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an API server on the database of these tests; admin's password is admin."""
    home, port = tmp_path_factory.mktemp("api-server"), free_port()
    (home / "passwords.json").write_text(json.dumps({"admin": "admin"}))
    variables = {
        **os.environ,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "of the tests, and nobody else's, and long enough for SHA512: " + "x" * 20,
        "PYTHONWARNINGS": "ignore",
        AT_ONCE: "0",
    }
    command = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen([*command, "--workers", "1"], env=variables, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        Lab.wait(lambda: server.poll() is None and requests.get(f"{url}/api/v2/version", timeout=2).ok)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def deploy(config: Path, env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Airflow's database what the DAG processor would give it, of every file in ``dags/``."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    monkeypatch.setenv("DRIFTGATE_CONFIG_DIR", str(config))
    monkeypatch.setenv("DRIFTGATE_STATE_DIR", str(config.parent / "state"))
    monkeypatch.setenv("DRIFTGATE_ENV", env)
    monkeypatch.setenv(AT_ONCE, "0")
    with create_session() as session:  # what other tests have left in the database is not there any more
        session.query(DagModel).update({"is_stale": True})
    DagBundlesManager().sync_bundles_to_db()
    bag = BundleDagBag(dag_folder=REPOSITORY / "dags", bundle_path=REPOSITORY, bundle_name="driftgate")
    sync_bag_to_db(bag, "driftgate", None)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_airflow_has_is_compared_whole(airflow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    shutil.copytree(REPOSITORY / "config", config)
    pipelines = config / "pipelines"
    monitoring, retraining = (pipelines / f"{name}.yaml" for name in ("drift_monitoring", "model_retraining"))
    (config / "environments").mkdir()
    (config / "environments" / "prod.yaml").write_text("defaults: {retries: 5}\n")
    compare = ("plan", "--deployed", "--airflow", airflow)
    deploy(config, "prod", monkeypatch)

    assert driftgate(*compare, cwd=tmp_path) == (
        0,
        f"config compared with what Airflow at {airflow} runs\n\n"
        "Nothing changes: every pipeline in prod runs as before.\n",
    )

    edit(monitoring, "critical: 0.25", "critical: 0.30")
    edit(config / "environments" / "prod.yaml", "5", "6")  # neither of these two stands in the pipeline's file
    edit(config / "defaults.yaml", "ml-ops@", "others@")
    edit(retraining, "  restart_api_service:\n    operator: restart_api_service\n"
         "    depends_on: [promote_to_production]\n", "  restart_api_service:\n    operator: restart_api_service\n"
         "    depends_on: [promote_to_production, train_model]\n")  # fmt: skip
    code, told = driftgate(*compare, "--format", "json", "--fail-on", "loosened", cwd=tmp_path)
    plan = json.loads(told)
    assert code == 1
    assert plan["base"] == {"airflow": airflow, "environment": "prod", "version": "0.1.0"}
    changes = {one["dag_id"]: {each["path"] for each in one["changes"]} for one in plan["environments"][0]["pipelines"]}
    both = {"retries", "alerts.channels.ops_email.to"}
    assert changes == {
        "drift_monitoring": {*both, "psi.critical"},
        "model_retraining": {*both, "tasks.restart_api_service.depends_on"},
    }

    # What Airflow does not say is no reason to guess.
    other_password = driftgate(*compare, cwd=tmp_path, AIRFLOW_ADMIN_PASSWORD="other")
    assert other_password == (2, f"error: Airflow at {airflow} refuses user 'admin'; set AIRFLOW_ADMIN_PASSWORD\n")
    assert driftgate(*compare, "--env", "test", cwd=tmp_path) == (
        2,
        f"error: Airflow at {airflow} runs in the environment 'prod', not in the environment 'test': "
        "nothing to compare\n",
    )

    # A file that is broken where Airflow runs: its last good configuration goes on, and is what is compared.
    edit(monitoring, "critical: 0.30", "critical: oops")
    deploy(config, "prod", monkeypatch)
    edit(monitoring, "critical: oops", "critical: 0.35")
    _, told = driftgate(*compare, cwd=tmp_path)
    assert "note: drift_monitoring: broken where Airflow runs; the last good configuration is compared" in told
    assert "psi.critical: 0.25 → 0.35 — loosened" in told


def test_a_dag_that_is_not_ours_is_no_pipeline(airflow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    shutil.copytree(REPOSITORY / "config", config)
    monkeypatch.setattr("driftgate.publish.record_of", lambda *_: None)  # as an older Driftgate built them
    deploy(config, "", monkeypatch)

    assert driftgate("plan", "--deployed", "--airflow", airflow, cwd=tmp_path) == (
        2,
        f"error: drift_monitoring in Airflow at {airflow} does not say what it was built from: it is of an older "
        "Driftgate; deploy this one first\n",
    )


def test_an_airflow_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"

    code, told = driftgate("plan", "--deployed", "--airflow", nowhere, cwd=REPOSITORY)

    assert (code, told) == (2, f"error: Airflow does not answer at {nowhere} (ConnectionError)\n")
