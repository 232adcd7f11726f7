from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from driftgate.serving.errors import LoadError, NoModelError, VersionConflictError
from driftgate.serving.holder import ModelHolder
from driftgate.serving.registry import Registry


@pytest.fixture
def holder(mlflow_server: str, model: Any) -> ModelHolder:
    return ModelHolder(Registry(mlflow_server, model.name))


def test_before_the_first_load_it_says_that_it_is_loading(holder: ModelHolder) -> None:
    with pytest.raises(NoModelError, match="still being loaded"):
        holder.require()


def test_a_version_already_in_service_is_not_loaded_again(holder: ModelHolder) -> None:
    assert holder.reload() is holder.reload("1")


def test_an_expected_version_is_refused_when_the_alias_is_gone(holder: ModelHolder, model: Any) -> None:
    served = holder.reload()
    model.demote()
    with pytest.raises(VersionConflictError, match="names no version, not version 1: set the alias first"):
        holder.reload("1")
    assert holder.current is served


def test_concurrent_reloads_end_with_one_loaded_model(holder: ModelHolder) -> None:
    with ThreadPoolExecutor(4) as pool:
        models = set(map(id, pool.map(lambda _: holder.reload(), range(4))))
    assert models == {id(holder.current)}


def test_a_reload_that_fails_is_noticed_until_the_next_one(
    holder: ModelHolder, model: Any, log_model: Any, forest: Any, cancer: Any
) -> None:
    served = holder.reload()
    broken = model.add(log_model(forest, cancer[0], reference=False))
    model.promote(broken)
    with pytest.raises(LoadError):
        holder.reload()
    assert holder.current is served
    assert holder.notice is not None
    assert holder.notice.startswith(f"Version {broken} of '{model.name}' cannot be served: ")
    assert holder.notice.endswith(f" Version 1 of '{model.name}' stays in service.")
    model.promote("1")
    holder.reload()
    assert holder.notice is None


def test_polling_follows_the_alias_and_never_takes_a_model_away(mlflow_server: str, model: Any) -> None:
    holder = ModelHolder(Registry(mlflow_server, model.name), poll=0.05)

    def waits_for(happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not happened() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert happened()

    holder.start()
    waits_for(lambda: holder.current is not None)
    model.promote("2")
    waits_for(lambda: holder.require().version.version == "2")
    model.demote()
    waits_for(lambda: "is gone; POST /reload takes the model out of service." in (holder.notice or ""))
    assert holder.require().version.version == "2"
    holder.stop()


def test_requests_under_way_never_fail_while_versions_are_swapped(api: Any, model: Any, rows: Any) -> None:
    finished = threading.Event()

    def ask() -> list[tuple[int, str]]:
        answers = []
        while not finished.is_set():
            answer = api.predict(rows[:3])
            answers.append((answer.status_code, answer.json().get("model", {}).get("version")))
        return answers

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(ask) for _ in range(4)]
        for version in ("2", "1", "2", "1", "2"):
            model.promote(version)
            assert api.reload(version).status_code == 200
        finished.set()
        answers = [answer for client in clients for answer in client.result()]
    assert {status for status, _ in answers} == {200}
    assert {version for _, version in answers} == {"1", "2"}
    assert api.get("/drift/status").json()["samples"] == 3 * sum(version == "2" for _, version in answers)
