from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = {"Content-Type": "application/json"}
TOO_LARGE = "The body is larger than 1 MB: send several requests, or raise DRIFTGATE_MAX_BODY_MB where the API runs."


@pytest.fixture
def small_api(run_api: Callable[..., Any], settings: Any) -> Iterator[Any]:
    """The model API, taking a megabyte at most."""
    with run_api(settings.model_copy(update={"driftgate_max_body_mb": 1})) as api:
        yield api.wait_until_ready()


def test_a_body_too_large_is_refused_whether_its_length_is_announced_or_not(small_api: Any, rows: Any) -> None:
    large = json.dumps({"rows": [{**rows[0], "mean area": "x" * 3_000_000}]}).encode()
    pieces = (large[start : start + 100_000] for start in range(0, len(large), 100_000))
    for path in ("/predict", "/feedback", "/reload"):
        for body in (large, pieces) if path == "/predict" else (large,):
            headers = {**JSON, "Authorization": "Bearer a-token-for-tests"}
            answer = requests.post(small_api.url + path, data=body, headers=headers, timeout=10)
            assert (answer.status_code, answer.json()["detail"]) == (413, TOO_LARGE)
    assert small_api.predict(rows[:1]).ok


def test_prometheus_is_told_of_requests_predictions_and_the_model(small_api: Any, model: Any, rows: Any) -> None:
    small_api.predict(rows[:3])
    small_api.predict([{}])
    small_api.get("/made-up/1")
    answer = small_api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'driftgate_requests_total{endpoint="/predict",status="200"} 1.0',
        'driftgate_requests_total{endpoint="/predict",status="422"} 1.0',
        'driftgate_requests_total{endpoint="other",status="404"} 1.0',
        'driftgate_request_seconds_count{endpoint="/predict"} 2.0',
        f'driftgate_predictions_total{{model="{model.name}",version="1"}} 3.0',
        f'driftgate_model{{model="{model.name}",version="1"}} 1.0',
        "driftgate_flush_failures_total 0.0",
    ):
        assert line in answer.text.splitlines()


GARBAGE = [
    b"",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"{" * 100_000,
    b"[" * 100_000,
    b'{"rows": 1' + b"0" * 5000 + b"}",
    b'{"rows": [' + b"1" * 5000 + b"]}",
    b'{"rows": [[]]}',
    b'{"rows": [{"a": {"b": [null]}}]}',
    b'{"rows": [{"\\ud800": 1}]}',
    b'{"rows": [{"\\u0000": 1e999}]}',
]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:12]))
def test_garbage_is_a_problem_of_the_caller(steady_api: Any, body: bytes) -> None:
    answer = requests.post(f"{steady_api.url}/predict", data=body, headers=JSON, timeout=10)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
