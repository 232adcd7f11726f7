"""A client of Airflow's public REST API."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from driftgate.errors import Outage, UserMistake

USER, PASSWORD = "admin", "AIRFLOW_ADMIN_PASSWORD"
FINISHED = ("success", "failed")
TASK_ENDS = (*FINISHED, "skipped", "upstream_failed", "removed")


def address() -> str:
    """Return where the API server is: as Airflow's own components reach it, else as people do."""
    if execution := os.environ.get("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", ""):
        return execution.rstrip("/").removesuffix("/execution")
    return os.environ.get("AIRFLOW__API__BASE_URL", "http://localhost:8080").rstrip("/")


class AirflowApi:
    """Speaks to the API server at ``url`` (no trailing slash) as one user; logs in on its first request."""

    def __init__(self, url: str, username: str, password: str) -> None:
        import requests

        self.url = url
        self._login = {"username": username, "password": password}
        self._session = requests.Session()

    def call(self, method: str, path: str, **details: Any) -> Any:
        """Return the JSON answer of ``/api/v2`` + path; UserMistake on 4xx, Outage when there is no good answer."""
        import requests

        try:
            if "Authorization" not in self._session.headers:
                self._authenticate()
            answer = self._session.request(method, f"{self.url}/api/v2{path}", timeout=30, **details)
            if answer.ok:
                return answer.json() if answer.content else None
        except requests.JSONDecodeError:
            raise UserMistake(f"there is no Airflow at {self.url}: it does not answer in JSON") from None
        except requests.RequestException as error:
            raise Outage(f"Airflow does not answer at {self.url} ({type(error).__name__})") from None
        kind = UserMistake if answer.status_code < 500 else Outage
        raise kind(f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:300]}")

    def _authenticate(self) -> None:
        answer = self._session.post(f"{self.url}/auth/token", json=self._login, timeout=30)
        if answer.status_code in (401, 403):
            raise UserMistake(f"Airflow at {self.url} refuses user {self._login['username']!r}")
        token = answer.json().get("access_token") if answer.ok else None
        if token is None:
            kind = UserMistake if answer.status_code < 500 else Outage
            raise kind(f"Airflow at {self.url} does not log anybody in: POST /auth/token answers {answer.status_code}")
        self._session.headers["Authorization"] = f"Bearer {token}"

    def dags(self) -> Iterator[dict[str, Any]]:
        """What Airflow says of each DAG that it has, page by page: it tells of a hundred at a time."""
        seen = 0
        while True:
            page = self.call("GET", "/dags", params={"limit": "100", "offset": str(seen), "order_by": "dag_id"})
            yield from page["dags"]
            seen += len(page["dags"])
            if not page["dags"] or seen >= page["total_entries"]:
                return

    def dag_ids(self) -> set[str]:
        """The ids of all DAGs that Airflow has."""
        return {dag["dag_id"] for dag in self.dags()}

    def details(self, dag_id: str) -> dict[str, Any]:
        """All that Airflow says of a DAG."""
        found: dict[str, Any] = self.call("GET", f"/dags/{dag_id}/details")
        return found

    def import_errors(self) -> list[str]:
        """What Airflow shows as import errors."""
        return [str(error["stack_trace"]) for error in self.call("GET", "/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG."""
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str) -> str:
        """Start a run now; returns its id."""
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None})["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The newest hundred runs of a DAG, oldest first."""
        query = {"order_by": "-run_after", "limit": "100"}
        found: list[dict[str, Any]] = self.call("GET", f"/dags/{dag_id}/dagRuns", params=query)["dag_runs"]
        return found[::-1]

    def run_state(self, dag_id: str, run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[dict[str, Any]] = self.call("GET", path)["task_instances"]
        return found

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned; None when it returned nothing."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        try:
            return self.call("GET", path, params={"stringify": "false"})["value"]
        except UserMistake:
            return None

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> list[dict[str, Any]]:
        """The events in a task's log."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        content = self.call("GET", path, params={"full_content": "true"}, headers={"Accept": "application/json"})
        return [event for event in content["content"] if isinstance(event, dict)]

    def failure(self, dag_id: str, run_id: str, task: dict[str, Any]) -> str:
        """Why a task failed: the message of the last exception in its log."""
        events = self.log(dag_id, run_id, task["task_id"], task["try_number"])
        for event in reversed(events):
            for detail in event.get("error_detail") or []:
                return str(detail.get("exc_value") or detail.get("exc_type"))
        return "its log does not say why"

    def follow(self, dag_id: str, run_id: str, patience: float) -> Iterator[dict[str, Any]]:
        """Yield each task instance as it ends, until the run has ended; Outage after ``patience`` seconds."""
        deadline = time.monotonic() + patience
        seen: set[str] = set()
        while True:
            state = self.run_state(dag_id, run_id)  # before the tasks, or the last ones could be missed
            ended = [task for task in self.tasks(dag_id, run_id) if task["state"] in TASK_ENDS]
            for task in sorted(ended, key=lambda task: task["end_date"] or ""):
                if task["task_id"] not in seen:
                    seen.add(task["task_id"])
                    yield task
            if state in FINISHED:
                return
            if time.monotonic() > deadline:
                raise Outage(f"run {run_id} of {dag_id} is still {state} after {patience:.0f} s")
            time.sleep(0.5)
