from __future__ import annotations

import json
import math
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from driftgate.serving.app import create_app
from driftgate.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = list[dict[str, float]]


def problem_of(answer: requests.Response) -> tuple[int, str]:
    """The status and detail of an answer, after checking that it is a problem as RFC 9457 has it."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert {"type", "title", "detail"} <= document.keys()
    return answer.status_code, document["detail"]


def test_predict_answers_label_and_probabilities_as_the_model_does(
    api: Any, model: Any, rows: Rows, forest: Any, cancer: Any
) -> None:
    answer = api.predict(rows[:20]).json()
    assert answer["model"] == {"name": model.name, "version": "1"}
    predictions = answer["predictions"]
    assert [p["label"] for p in predictions] == forest.predict(cancer[0][:20]).tolist()
    assert [[p["probabilities"][c] for c in "01"] for p in predictions] == pytest.approx(
        forest.predict_proba(cancer[0][:20])
    )


def test_every_prediction_has_an_id_of_its_own(steady_api: Any, rows: Rows) -> None:
    ids = {p["id"] for p in steady_api.predict([rows[0]] * 50).json()["predictions"]}
    assert len(ids) == 50


def test_ten_thousand_rows_are_taken_and_one_more_is_not(steady_api: Any, rows: Rows) -> None:
    many = (rows * 20)[:10_001]
    assert len(steady_api.predict(many[:10_000]).json()["predictions"]) == 10_000
    assert problem_of(steady_api.predict(many)) == (
        413,
        "10001 rows are too many for one request, at most 10000: send several, or raise DRIFTGATE_MAX_ROWS "
        "where the API runs.",
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ('{"rows": []}', "body.rows: List should have at least 1 item after validation, not 0."),
        ("{}", "body.rows: Field required."),
        ("not json", "body.0: JSON decode error."),
    ],
)
def test_a_body_that_is_no_request_is_a_problem(steady_api: Any, body: str, detail: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{steady_api.url}/predict", data=body, headers=headers, timeout=10)
    assert problem_of(answer) == (422, detail)


def test_a_wrong_row_is_named_with_its_feature(steady_api: Any, rows: Rows) -> None:
    answer = steady_api.predict([rows[0], {**rows[1], "mean radius": "wide"}])
    assert problem_of(answer) == (422, "Row 1: feature 'mean radius' must be a number, not 'wide'.")
    assert answer.json()["errors"] == [{"row": 1, "feature": "mean radius", "message": "must be a number, not 'wide'"}]


def test_infinity_and_nan_are_refused(steady_api: Any, rows: Rows) -> None:
    for value, complaint in ((math.inf, "must be finite"), (math.nan, "must be a number or null, not NaN")):
        body = json.dumps({"rows": [{**rows[0], "mean area": value}]})
        headers = {"Content-Type": "application/json"}
        answer = requests.post(f"{steady_api.url}/predict", data=body, headers=headers, timeout=10)
        assert problem_of(answer) == (422, f"Row 0: feature 'mean area' {complaint}.")


def test_a_body_sent_as_a_form_is_told_to_be_json(steady_api: Any) -> None:
    answer = requests.post(f"{steady_api.url}/predict", data={"rows": "[]"}, timeout=10)
    detail = "Send a JSON object as the body, with the header 'Content-Type: application/json'."
    assert problem_of(answer) == (422, detail)


def test_drift_without_traffic_is_unknown(api: Any, model: Any) -> None:
    status = api.get("/drift/status").json()
    assert (status["psi"], status["samples"], status["features"]) == (None, 0, {})
    assert status["model"] == {"name": model.name, "version": "1"}


def test_traffic_like_the_training_data_has_no_drift(api: Any, rows: Rows) -> None:
    api.predict(rows)
    status = api.get("/drift/status").json()
    assert status["psi"] == 0
    assert status["samples"] == len(rows)
    assert status["features"] == dict.fromkeys(rows[0], 0)


def test_a_shifted_feature_decides_the_drift(api: Any, rows: Rows) -> None:
    api.predict([{**row, "mean radius": row["mean radius"] + 8} for row in rows])
    status = api.get("/drift/status", params={"window": "7d"}).json()
    assert status["psi"] == status["features"]["mean radius"] > 1
    assert status["features"]["mean area"] == 0


def test_refused_rows_are_not_counted(api: Any, rows: Rows) -> None:
    api.predict([*rows[:5], {}])
    assert api.get("/drift/status").json()["samples"] == 0


def test_the_window_starts_at_a_full_hour_and_ends_now(steady_api: Any) -> None:
    window = steady_api.get("/drift/status?window=24h").json()["window"]
    start, end = (datetime.fromisoformat(window[side]) for side in ("start", "end"))
    assert (start.minute, start.second) == (0, 0)
    assert timedelta(hours=24) <= end - start < timedelta(hours=25)
    assert abs(datetime.now(UTC) - end) < timedelta(seconds=10)


@pytest.mark.parametrize("window", ["soon", "0h", "-1h", "24", "9999999w", ""])
def test_a_bad_window_is_a_problem(steady_api: Any, window: str) -> None:
    status, detail = problem_of(steady_api.get("/drift/status", params={"window": window}))
    assert status == 422
    assert detail.startswith(f"window: {window!r} is")


def test_reload_needs_the_token(steady_api: Any) -> None:
    refused = steady_api.reload(token="wrong")
    assert problem_of(refused) == (401, "Send the DRIFTGATE_API_TOKEN as 'Authorization: Bearer …'.")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert requests.post(f"{steady_api.url}/reload", timeout=10).status_code == 401
    assert steady_api.reload(token="tökén".encode().decode("latin-1")).status_code == 401


def test_reload_serves_what_the_alias_names_with_counts_of_its_own(api: Any, model: Any, rows: Rows) -> None:
    api.predict(rows[:10])
    model.promote("2")
    assert api.reload("2").json() == {"model": {"name": model.name, "version": "2"}}
    assert api.predict(rows[:1]).json()["model"]["version"] == "2"
    assert api.get("/drift/status").json()["samples"] == 1


def test_reload_with_another_version_than_the_alias_changes_nothing(api: Any, model: Any) -> None:
    detail = "The alias 'production' names version 1, not version 2: set the alias first, then reload."
    assert problem_of(api.reload("2")) == (409, detail)
    assert api.get("/ready").json()["model"]["version"] == "1"


def test_reload_without_the_alias_unloads(api: Any, model: Any, rows: Rows) -> None:
    model.demote()
    assert api.reload().json() == {"model": None}
    for answer in (api.get("/ready"), api.predict(rows[:1]), api.get("/drift/status")):
        status, detail = problem_of(answer)
        assert status == 503
        assert detail.startswith("No model is in production yet: ")
        assert "Run the model_retraining pipeline" in detail
    assert api.get("/health").json() == {"status": "alive"}


def test_a_version_that_fails_to_load_leaves_the_old_one_in_service(
    api: Any, model: Any, log_model: Any, forest: Any, cancer: Any, rows: Rows
) -> None:
    version = model.add(log_model(forest, cancer[0], reference=False))
    model.promote(version)
    status, detail = problem_of(api.reload(version))
    assert status == 503
    assert detail.startswith(f"Version 3 of '{model.name}' cannot be served: ")
    assert api.predict(rows[:1]).json()["model"]["version"] == "1"


def test_while_the_database_fails_predictions_go_on_and_are_counted_later(
    api: Any, settings: Settings, rows: Rows
) -> None:
    connection = sqlite3.connect(settings.driftgate_home / "model-api.db")
    connection.execute("ALTER TABLE driftgate_counts RENAME TO away")
    assert api.predict(rows[:3]).ok
    status, detail = problem_of(api.get("/drift/status"))
    assert status == 503
    assert detail.startswith("The database of the model API failed: no such table")
    assert "driftgate_waiting_rows 3.0" in api.get("/metrics").text
    connection.execute("ALTER TABLE away RENAME TO driftgate_counts")
    connection.close()
    assert api.get("/drift/status").json()["samples"] == 3


def test_starting_without_mlflow_is_alive_but_not_ready(run_api: Callable[..., Any], tmp_path: Path) -> None:
    settings = Settings(
        driftgate_api_token="a-token-for-tests",
        driftgate_home=tmp_path,
        mlflow_tracking_uri="http://user:secret@127.0.0.1:9",
    )
    with run_api(settings) as api:
        api.wait(lambda: "MLflow does not say" in problem_of(api.get("/ready"))[1])
        assert api.get("/health").ok
        for answer in (api.get("/ready"), api.reload()):
            status, detail = problem_of(answer)
            assert status == 503
            assert "secret" not in detail


def test_a_model_promoted_later_is_found_without_a_reload(
    run_api: Callable[..., Any], settings: Settings, model: Any
) -> None:
    model.demote()
    with run_api(settings) as api:
        api.wait(lambda: "No model is in production" in problem_of(api.get("/ready"))[1])
        model.promote("2")
        assert api.wait_until_ready().get("/ready").json()["model"]["version"] == "2"


def test_unknown_paths_and_methods_are_problems_too(steady_api: Any) -> None:
    assert problem_of(steady_api.get("/nowhere")) == (404, "Not Found")
    assert problem_of(steady_api.get("/predict")) == (405, "Method Not Allowed")


def test_openapi_describes_every_endpoint_with_its_problems(settings: Settings) -> None:
    document = create_app(settings).openapi()
    assert document["paths"].keys() == {
        *("/predict", "/feedback", "/performance", "/drift/status", "/drift/history"),
        *("/reload", "/health", "/ready", "/metrics"),
    }
    assert document["paths"]["/reload"]["post"]["responses"].keys() == {
        *("200", "400", "401", "409", "413", "422", "503")
    }
    assert document["components"]["schemas"]["PredictRequest"]["examples"]
