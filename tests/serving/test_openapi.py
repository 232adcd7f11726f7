"""What the API answers is what its OpenAPI document says, whatever is sent."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def test_every_answer_is_as_described(steady_api: Any) -> None:
    document = schemathesis.openapi.from_url(f"{steady_api.url}/openapi.json")
    for found in document.get_all_operations():
        send = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)(
            given(case=found.ok().as_strategy())(answered_as_described)
        )
        send()


def answered_as_described(case: Any) -> None:
    case.call_and_validate(checks=CHECKS, headers={"Authorization": "Bearer a-token-for-tests"})


def test_what_succeeds_is_as_described_too(steady_api: Any, rows: Any) -> None:
    document = schemathesis.openapi.from_url(f"{steady_api.url}/openapi.json")

    def post(path: str, body: Any) -> Any:
        case = document[path]["POST"].Case(body=body, media_type="application/json")
        answer = case.call_and_validate(checks=CHECKS, headers={"Authorization": "Bearer a-token-for-tests"})
        assert answer.status_code == 200
        return answer.json()

    made = post("/predict", {"rows": rows[:3]})["predictions"]
    post("/feedback", {"labels": [{"id": prediction["id"], "label": prediction["label"]} for prediction in made]})
    post("/reload", {"version": "1"})
    for path in ("/drift/status", "/drift/history", "/performance", "/ready", "/metrics"):
        assert document[path]["GET"].Case().call_and_validate(checks=CHECKS).status_code == 200
