"""One test's world around the two pipelines: configuration, data, model API and mail box of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from aiosmtpd.controller import Controller
from support import apis
from support.ports import free_port

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from airflow.sdk import DAG

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-tests"


@dataclass
class Ran:
    """A finished run: the state of each task, what it returned, and everything that was logged."""

    state: str
    tasks: dict[str, str]
    results: dict[str, Any]
    log: str
    run_id: str


@dataclass
class Lab:
    """One test's world: its own configuration, model name, data folder, API process and mail box."""

    folder: Path
    model: str
    mlflow: str
    api_port: int
    mails: list[EmailMessage] = field(default_factory=list)
    api: ForkServerProcess | None = None
    read_log: Callable[[], str] = lambda: ""

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def data(self) -> Path:
        return self.folder / "data" / "training.parquet"

    def edit(self, dag_id: str, old: str, new: str) -> None:
        """Change a pipeline file as a person would."""
        path = self.folder / "config" / "pipelines" / f"{dag_id}.yaml"
        text = path.read_text()
        assert old in text, f"{old!r} is not in {path.name}"
        path.write_text(text.replace(old, new))

    def start_api(self) -> None:
        """Start the model API and wait until it answers; what it said is the failure when it ends instead."""
        log = self.folder / "api.log"
        self.api = api = apis.start(self.api_port, log)

        def answers() -> bool:
            assert api.is_alive(), f"the model API ended:\n{log.read_text()}"
            return bool(requests.get(f"{self.api_url}/health", timeout=2).ok)

        self.wait(answers)

    @staticmethod
    def wait(true: Callable[[], bool]) -> None:
        """Return once ``true`` is, and fail the test when that takes a minute and a half."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                if true():
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        pytest.fail("it did not come true within 90 s")

    def stop_api(self) -> None:
        if self.api is not None:
            self.api.kill()
            self.api.join()
            self.api = None

    def served(self) -> str | None:
        answer = requests.get(f"{self.api_url}/ready", timeout=10)
        return answer.json()["model"]["version"] if answer.ok else None

    def production(self) -> str | None:
        from driftgate.services import registry

        return registry.version_at(registry.connect(self.mlflow), self.model, "production")

    def run(self, dag_id: str, at: datetime | None = None, conf: dict[str, Any] | None = None) -> Ran:
        """Run a pipeline to its end, in this process, as ``airflow dags test`` does; twice ``at`` is a re-run."""
        dag = self._dag(dag_id)
        self.read_log()
        return self._ran(dag.test(run_after=at, logical_date=at, run_conf=conf) if at else dag.test(run_conf=conf))

    def clear(self, dag_id: str, run_id: str, task_id: str) -> Ran:
        """Clear a task of a finished run and all downstream of it, as the UI does, and run them again."""
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import clear_task_instances
        from airflow.sdk.definitions.dag import _run_task
        from airflow.serialization.serialized_objects import DagSerialization
        from airflow.utils.session import create_session

        dag = self._dag(dag_id)
        cleared = {task_id, *dag.get_task(task_id).get_flat_relative_ids(upstream=False)}
        self.read_log()
        with create_session() as session:
            run = session.query(DagRun).filter_by(dag_id=dag_id, run_id=run_id).one()
            run.dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
            run.dag.has_on_failure_callback = False  # which would want a DAG processor
            clear_task_instances([ti for ti in run.get_task_instances() if ti.task_id in cleared], session)
            run.state = "running"
            session.commit()
            while run.state == "running":
                session.expire_all()
                ready, _ = run.update_state(session=session)
                for ti in ready:
                    ti.state, ti.try_number = "scheduled", ti.try_number + 1
                session.commit()
                for ti in ready:
                    _run_task(ti=ti, task=dag.get_task(ti.task_id))
            return self._ran(run)

    def _dag(self, dag_id: str) -> DAG:
        from driftgate.build import build_dag
        from driftgate.config.load import config_dir, load_pipeline

        return build_dag(load_pipeline(self.folder / "config" / "pipelines" / f"{dag_id}.yaml", config_dir()))

    def _ran(self, run: Any) -> Ran:
        instances = run.get_task_instances()
        return Ran(
            state=str(run.state),
            tasks={ti.task_id: str(ti.state) for ti in instances},
            results={ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in instances},
            log=self.read_log(),
            run_id=run.run_id,
        )


class MailServer:
    """A real SMTP server on loopback that hands each mail to the lab."""

    def __init__(self, lab: Lab) -> None:
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.lab = lab

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self.lab.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def __enter__(self) -> int:
        self.controller.start()
        return int(self.controller.port)

    def __exit__(self, *_: object) -> None:
        self.controller.stop()
