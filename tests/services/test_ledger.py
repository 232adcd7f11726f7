from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from driftgate.errors import Outage, UserMistake
from driftgate.services.alerts import Threshold
from driftgate.services.ledger import EXPERIMENT, Decision, Entry, Ledger

AT = datetime(2026, 11, 17, 9, 0, 4, tzinfo=UTC)
FOUND = Decision(
    kind="drift",
    outcome="critical",
    reason="Drift of monitor's model is critical: PSI 0.31",
    inputs={"psi": 0.31, "samples": 1240, "model": "monitor", "features": {"mean radius": 0.31, "mean area": 0.02}},
    thresholds=(Threshold("psi.critical", 0.25, "config/pipelines/drift_monitoring.yaml:11:13"),),
)


@pytest.fixture
def ledger(mlflow_server: str) -> Ledger:
    return Ledger(mlflow_server)


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> Entry:
    """An entry whose pipeline no other test knows."""
    return Entry(FOUND, AT, pipeline=request.node.name[:200], run="scheduled__2026-11-17T09", task="check_drift",
                 cause="", config="c0ffee", revision="52c8d0c", link="http://localhost:8080/x")  # fmt: skip


def test_what_is_written_is_read_as_it_was(ledger: Ledger, entry: Entry) -> None:
    written = ledger.write(entry)

    assert ledger.entries(pipeline=entry.pipeline) == [written]
    assert replace(written, url="") == entry


def test_an_entry_can_be_found_in_mlflow_by_tag_and_its_numbers_are_metrics(ledger: Ledger, entry: Entry) -> None:
    ledger.write(entry)

    from mlflow.tracking import MlflowClient

    client = MlflowClient(ledger.uri)
    [found] = client.search_runs(
        [client.get_experiment_by_name(EXPERIMENT).experiment_id],
        f"tags.`driftgate.pipeline` = '{entry.pipeline}' and metrics.psi > 0.25",
    )
    assert found.data.metrics == {"psi": 0.31, "samples": 1240.0}
    assert found.data.tags["mlflow.note.content"] == FOUND.reason
    assert found.data.tags["driftgate.outcome"] == "critical"
    assert found.info.status == "FINISHED"
    assert found.info.start_time == int(AT.timestamp() * 1000)


def test_who_decides_the_same_again_leaves_one_entry_with_the_time_of_the_first(ledger: Ledger, entry: Entry) -> None:
    first = ledger.write(entry)
    again = ledger.write(replace(entry, time=AT + timedelta(days=3)))

    assert again == first
    assert ledger.entries(pipeline=entry.pipeline) == [first]


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "none"},
        {"reason": "PSI 0.47"},
        {"thresholds": (Threshold("psi.critical", 0.3, FOUND.thresholds[0].where),)},
    ],
)
def test_who_decides_something_else_later_does_not_change_the_past(
    ledger: Ledger, entry: Entry, change: dict[str, Any]
) -> None:
    first = ledger.write(entry)
    other = ledger.write(replace(entry, time=AT + timedelta(days=3), decision=replace(FOUND, **change)))
    back = ledger.write(replace(entry, time=AT + timedelta(days=4)))

    assert ledger.entries(pipeline=entry.pipeline) == [back, other, first]
    assert len({back.url, other.url, first.url}) == 3


def test_what_follows_from_the_past_alone_says_nothing_new_whatever_its_words(ledger: Ledger, entry: Entry) -> None:
    first = ledger.write(entry)
    same = replace(entry, time=AT + timedelta(days=3), decision=replace(FOUND, reason="decided already"))

    assert ledger.write(same, again=True) == first
    assert ledger.write(same).url != first.url


def test_entries_are_found_by_run_cause_kind_and_time_newest_first(ledger: Ledger, entry: Entry) -> None:
    later = replace(entry, time=AT + timedelta(hours=1), run="it's another", cause="drift_monitoring/x")
    for written in (entry, later):
        ledger.write(written)

    def runs(**rules: Any) -> list[str]:
        return [found.run for found in ledger.entries(pipeline=entry.pipeline, **rules)]

    assert runs() == ["it's another", "scheduled__2026-11-17T09"]
    assert runs(run="it's another") == ["it's another"]
    assert runs(cause="drift_monitoring/x") == ["it's another"]
    assert runs(kind="guard") == []
    assert runs(until=AT + timedelta(minutes=1)) == ["scheduled__2026-11-17T09"]
    assert runs(since=AT + timedelta(minutes=1)) == ["it's another"]
    assert runs(limit=1) == ["it's another"]


@pytest.mark.parametrize("features", [0, 1, 500, 5_000])
def test_an_entry_too_large_for_mlflow_keeps_what_drifted_most(ledger: Ledger, entry: Entry, features: int) -> None:
    psi = {f"a feature with a long name {n}": n / 10_000 for n in range(features)} | {"none": math.nan}
    decision = replace(FOUND, inputs={**FOUND.inputs, "features": psi}, reason="because " * 1_000)

    ledger.write(replace(entry, decision=decision))

    [kept] = ledger.entries(pipeline=entry.pipeline)
    assert kept.decision.thresholds == FOUND.thresholds
    if features:
        assert f"a feature with a long name {features - 1}" in kept.decision.inputs["features"]
    assert kept.decision.reason.startswith("because because")


def test_entries_written_at_once_are_all_there(ledger: Ledger, entry: Entry) -> None:
    many = [replace(entry, run=str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: Ledger(ledger.uri).write(each), many))

    assert {found.run for found in ledger.entries(pipeline=entry.pipeline)} == {each.run for each in many}


def test_what_others_write_into_the_experiment_is_left_out(ledger: Ledger, entry: Entry) -> None:
    ledger.write(entry)

    from mlflow.tracking import MlflowClient

    client = MlflowClient(ledger.uri)
    tags = {"driftgate.pipeline": entry.pipeline, "driftgate.entry": '{"decision": 1}'}
    client.create_run(client.get_experiment_by_name(EXPERIMENT).experiment_id, tags=tags)

    assert len(ledger.entries(pipeline=entry.pipeline)) == 1


def test_a_server_that_is_not_there_is_an_outage(entry: Entry) -> None:
    with pytest.raises(Outage, match=r"MLflow does not answer at http://127.0.0.1:1"):
        Ledger("http://127.0.0.1:1").write(entry)


def test_a_server_that_refuses_is_told_with_its_words(mlflow_server: str, entry: Entry) -> None:
    with pytest.raises(UserMistake, match=r"refused runs.*: 400"):
        Ledger(mlflow_server).write(replace(entry, time=datetime(1, 1, 1, tzinfo=UTC), task="x" * 300_000))


def test_a_server_that_asks_for_patience_is_not_waited_for(entry: Entry) -> None:
    begun = time.monotonic()
    with busy() as uri, pytest.raises(Outage, match="503"):
        Ledger(uri).write(entry)
    assert time.monotonic() - begun < 60


@contextmanager
def busy() -> Iterator[str]:
    """A server that asks everybody to come back in an hour."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("Retry-After", "3600")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_failure_now_and_then_loses_nothing(stumbling: str, entry: Entry) -> None:
    for number in range(4):
        Ledger(stumbling).write(replace(entry, run=str(number)))

    assert len(Ledger(stumbling).entries(pipeline=entry.pipeline)) == 4


@pytest.fixture
def stumbling(mlflow_server: str) -> Any:
    """A proxy before MLflow that answers every other request with 500, after having passed it on or before."""
    count = iter(range(1_000_000))

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            number = next(count)
            url = f"{mlflow_server}{self.path}"
            answer = None
            if number % 4 != 0:  # a quarter never arrives, a quarter arrives and the answer gets lost
                headers = {"Content-Type": "application/json"} if body else {}
                answer = requests.request(self.command, url, data=body, headers=headers, timeout=10)
            lost = number % 2 == 0 or answer is None
            content = b"{}" if lost else answer.content
            self.send_response(500 if lost else answer.status_code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815 (http.server's name)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()


def test_a_run_whose_id_holds_both_kinds_of_quotes_is_found(ledger: Ledger, entry: Entry) -> None:
    ledger.write(replace(entry, run='it\'s "odd"'))

    assert [found.run for found in ledger.entries(pipeline=entry.pipeline, run='it\'s "odd"')] == ['it\'s "odd"']
