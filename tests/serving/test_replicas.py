"""Two model APIs on one database, SQLite or PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.ensemble import RandomForestClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def replicas(run_api: Callable[..., Any], settings: Any, database_url: str) -> Iterator[list[Any]]:
    shared = settings.model_copy(update={"driftgate_database_url": database_url})
    with ExitStack() as stack:
        apis = [stack.enter_context(run_api(shared)) for _ in range(2)]
        yield [api.wait_until_ready() for api in apis]


def test_replicas_add_up_exactly(replicas: list[Any], rows: Any) -> None:
    def send(turn: int) -> int:
        count = 1 + turn % 50
        assert replicas[turn % 2].predict(rows[:count]).ok
        return count

    with ThreadPoolExecutor(4) as pool:
        sent = sum(pool.map(send, range(120)))
    for api in replicas:  # each hands over its own before it answers
        told = api.get("/drift/status").json()
    assert told["samples"] == sent
    (part,) = api.get("/drift/history?window=1h").json()["history"][-1:]
    assert part["samples"] <= sent
    assert part["features"].keys() == told["features"].keys()


def test_a_label_may_go_to_another_replica(replicas: list[Any], rows: Any) -> None:
    one, other = replicas
    ids = [made["id"] for made in one.predict(rows[:20]).json()["predictions"]]
    assert other.feedback(dict.fromkeys(ids, 1)).json() == {"stored": 20}
    one.get("/drift/status")
    told = other.get("/performance").json()
    assert (told["samples"], told["labels"]) == (20, 20)
    assert one.get("/performance").json()["metrics"] == told["metrics"]


def test_a_version_with_other_features_has_other_inputs_and_counts(
    api: Any, model: Any, log_model: Any, cancer: Any, rows: Any
) -> None:
    assert api.predict(rows[:5]).ok
    features = cancer[0][["worst concavity", "mean radius"]].rename(columns={"mean radius": "radius"})
    forest = RandomForestClassifier(5, random_state=1).fit(features, cancer[1])
    version = model.add(log_model(forest, features))
    model.promote(version)
    assert api.reload(version).ok
    refused = api.predict(rows[:1])
    assert refused.status_code == 422
    assert {(fault["feature"], fault["message"]) for fault in refused.json()["errors"]} == {
        ("radius", "is missing"),
        *((name, "is not a feature of the model") for name in ("mean radius", "mean texture", "mean area")),
    }
    assert api.predict([{"radius": 10, "worst concavity": 0.1}]).ok
    told = api.get("/drift/status").json()
    assert (told["samples"], told["features"].keys()) == (1, {"radius", "worst concavity"})
    model.promote("1")
    assert api.reload("1").ok
    assert api.get("/drift/status").json()["samples"] == 5
