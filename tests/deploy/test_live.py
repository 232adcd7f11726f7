"""The compose stack, brought up for real and judged from outside: the demo's story, then restarts in its middle.

Minutes, and it builds an image: only with ``pytest -m docker tests/deploy``. Needs the ports 8080, 8000 and 5000.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from deploy.stack import Stack

from driftgate.demo import story
from driftgate.demo.world import MODEL, RETRAINING
from driftgate.errors import DriftgateError
from driftgate.services import registry

pytestmark = pytest.mark.docker
PATIENCE = 900


def why_not() -> str:
    if not shutil.which("docker"):
        return "no docker command here"
    answer = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    return "" if answer.returncode == 0 else "no Docker engine answers"


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if "docker" not in request.config.option.markexpr:
        pytest.skip("brings up the compose stack for minutes; ask for it: pytest -m docker tests/deploy")
    if reason := why_not():
        pytest.skip(reason)
    data = tmp_path_factory.mktemp("data")
    data.chmod(0o755)
    for folder in data.parents[:2]:
        folder.chmod(0o755)  # pytest keeps its folders to itself, and Airflow is another user
    stack = Stack(data=Path(data))
    stack.compose("up", "airflow-init", seconds=1800)
    stack.compose("up", "-d", seconds=900)
    yield stack
    stack.compose("down", "-v")


def test_the_story_of_the_demo_holds(stack: Stack) -> None:
    story.wait_for_pipelines(stack)
    for chapter in story.CHAPTERS:
        list(story.play(stack, chapter))
        assert chapter.done(stack), chapter.title

    assert [proof for proof in story.verify(stack) if not proof.holds] == []


@pytest.mark.parametrize(
    ("service", "task"),
    [
        ("postgres", "train_model"),
        ("airflow-scheduler", "train_model"),
        ("mlflow", "evaluate_model"),
        ("model-api", "promote_to_production"),
    ],
)
def test_a_restart_in_the_middle_of_a_retraining_is_survived(stack: Stack, service: str, task: str) -> None:
    run = stack.airflow.trigger(RETRAINING)
    _wait(lambda: {t["task_id"]: t["state"] for t in stack.airflow.tasks(RETRAINING, run)}[task] == "running")
    stack.compose("restart", "-t", "20", service)
    _wait(lambda: stack.airflow.run_state(RETRAINING, run) == "success")

    of_run = f"name = '{MODEL}' and tags.`{registry.RUN_TAG}` = '{RETRAINING}/{run}'"
    (version,) = stack.registry().search_model_versions(of_run)
    _wait(lambda: stack.served() == stack.production() == str(version.version))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/api/v2/dags", "http://127.0.0.1:8000/drift/status",
            "http://127.0.0.1:5000/api/2.0/mlflow/registered-models/search"],
)  # fmt: skip
def test_nobody_gets_in_without_a_token(stack: Stack, url: str) -> None:
    assert requests.get(url, timeout=10).status_code == 401


def test_every_package_is_as_in_the_constraints(stack: Stack) -> None:
    names = (
        "from driftgate.doctor.machine import differing; "
        "print(differing(open('/opt/driftgate/repo/constraints.txt').read()))"
    )

    assert stack.compose("exec", "-T", "airflow-scheduler", "python", "-c", names).strip() == "[]"


def test_a_person_inside_can_ask_the_ledger_without_setting_anything(stack: Stack) -> None:
    inside = ("exec", "-T", "airflow-scheduler")

    assert "MLFLOW_TRACKING_URI" not in stack.compose(*inside, "env")
    stack.compose(*inside, "driftgate", "explain", "--list")


def _wait(true) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(DriftgateError, KeyError):
            if true():
                return
        time.sleep(1)
    pytest.fail(f"it did not come true within {PATIENCE} s")
