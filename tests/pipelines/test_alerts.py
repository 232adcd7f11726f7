"""Alerts from end to end, with real mail and HTTP servers: once, complete, and whatever happens to a channel."""

from __future__ import annotations

import json
import re
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.utils.session import create_session
from support.lab import REPOSITORY, Lab, MailServer, Ran
from support.ports import free_port
from support.sink import Sink

SECRETS = ("slack-T0-SECRET", "bearer-SECRET", "extra-SECRET", "smtp-SECRET")
CHAT = '{"conn_type": "http", "password": "http://127.0.0.1:%d/slack/slack-T0-SECRET"}'
FEATURES = {"mean area": 0.2, "mean radius": 0.12, "texture": 0.01}

MONITOR = """\
dag_id: watch
schedule: null
psi:
  minor: 0.10
  moderate: 0.15
  critical: 0.25
alerts:
  channels:
    mail: {type: email, from: driftgate@example.com, to: [ops@example.com, ml@example.com]}
    chat: {type: slack, connection: chat, timeout: 1s}
    pager: {type: webhook, connection: pager, endpoint: /alerts, headers: {X-Team: ml}, timeout: 1s}
    hanging: {type: webhook, connection: pager, endpoint: /hang, timeout: 1s}
    failing: {type: webhook, connection: pager, endpoint: /500, timeout: 1s}
    nowhere: {type: slack, connection: not_there}
tasks:
  check: {operator: check_drift, connection: api}
  decide:
    operator: decide_action
    depends_on: [check]
    routes: {none: calm, minor: calm, moderate: tell, critical: retrain, unknown: tell}
  calm: {operator: log_status, message: calm}
  tell: {operator: send_alert, channels: [mail, chat, pager], message: "{{ drift.summary }}"}
  retrain: {operator: trigger_retraining, pipeline: watched, guard: {cooldown: 6h}}
"""
WATCHED = "dag_id: watched\nschedule: null\ntasks:\n  hello: {operator: log_status, message: hello}\n"
WORK = """\
dag_id: watch
schedule: null
alerts:
  channels:
    mail: {type: email, from: driftgate@example.com, to: [ops@example.com]}
    failing: {type: webhook, connection: pager, endpoint: /500, timeout: 1s}
  on_failure: [failing, mail]
  on_success: [mail]
  on_recovery: [mail]
tasks:
  work:
    operator: airflow.providers.standard.operators.bash.BashOperator
    bash_command: "test ! -e broken"
    cwd: FOLDER
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Iterator[Lab]:
    """The pipeline ``watch`` alone, of which the sink is the model API as well as every HTTP channel."""
    made = Lab(tmp_path, "m", "", sink.port)
    made.read_log = lambda: "".join(capfd.readouterr())
    folder = tmp_path / "config" / "pipelines"
    folder.mkdir(parents=True)
    shutil.copy(REPOSITORY / "config" / "defaults.yaml", tmp_path / "config")
    defaults = tmp_path / "config" / "defaults.yaml"
    defaults.write_text(defaults.read_text().replace("retries: 2", "retries: 0"))
    (folder / "watch.yaml").write_text(MONITOR)
    (folder / "watched.yaml").write_text(WATCHED)
    monkeypatch.setenv("DRIFTGATE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("AIRFLOW_CONN_API", f"http://127.0.0.1:{sink.port}")
    monkeypatch.setenv("AIRFLOW_CONN_CHAT", CHAT % sink.port)
    pager = {
        "conn_type": "http", "host": "127.0.0.1", "port": sink.port, "password": "bearer-SECRET",
        "extra": {"headers": {"X-Key": "extra-SECRET"}},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps(pager))
    with MailServer(made) as port:
        use_mail_server(monkeypatch, port)
        yield made


def use_mail_server(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    extra = {"disable_ssl": True, "disable_tls": True, "api_key": "smtp-SECRET"}
    mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(mail))


def hour(number: float) -> datetime:
    return datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=number)


def watch(world: Lab, sink: Sink, psi: float, at: datetime | None = None) -> Ran:
    sink.drift = {"psi": psi, "samples": 1240, "features": FEATURES, "model": {"name": "m", "version": "3"}}
    return world.run("watch", at=at)


def told(world: Lab, sink: Sink) -> tuple[int, int, int]:
    """How many alerts came by mail, to Slack and to the webhook."""
    return len(world.mails), len(sink.at("/slack/slack-T0-SECRET")), len(sink.at("/alerts"))


def age_memory(hours: float) -> None:
    """Make everything remembered that much older: a clock that goes ahead."""

    def older(match: re.Match[str]) -> str:
        return (datetime.fromisoformat(match[0]) - timedelta(hours=hours)).isoformat()

    with create_session() as session:
        for row in session.query(AssetStateStoreModel).all():
            row.value = re.sub(r"(?<!__)\d{4}-\d\d-\d\dT[\d:.]+\+00:00", older, row.value)


def plain(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).replace("\r\n", "\n")


def test_an_alert_reaches_every_channel_with_numbers_thresholds_and_links(world: Lab, sink: Sink) -> None:
    ran = watch(world, sink, 0.2)
    assert ran.tasks["tell"] == "success", ran.log
    assert told(world, sink) == (1, 1, 1)
    (mail,) = world.mails
    text = plain(mail)
    assert mail["to"] == "ops@example.com, ml@example.com"
    assert "Drift of m version 3 is moderate: PSI 0.200 over 1240 predictions, led by mean area" in text
    file = str(world.folder / "config" / "pipelines" / "watch.yaml")
    found = re.search(r"Band moderate: 0.15 ≤ PSI ≤ 0.25 \((.+):5:13\) ← here", text)
    assert found, text
    assert file.endswith(found[1])
    assert "Feature mean area: PSI 0.2, moderate\nFeature mean radius: PSI 0.12, minor\n" in text
    assert "Configured in" in text
    assert "Band moderate" in mail.get_body(("html",)).get_content()
    (posted,) = [posted for posted in sink.posted if posted.path == "/alerts"]
    assert (posted.headers["X-Team"], posted.headers["X-Key"]) == ("ml", "extra-SECRET")
    assert posted.headers["Authorization"] == "Bearer bearer-SECRET"
    assert (posted.body["severity"], posted.body["drift"]["psi"], posted.body["undelivered"]) == ("moderate", 0.2, [])
    assert ran.results["tell"] == {"sent": ["chat", "pager", "mail"], "known": {}, "undelivered": {}}


def routes() -> list[re.Pattern[str]]:
    """The addresses that Airflow's own UI knows."""
    import airflow

    assets = Path(airflow.__file__).parent / "ui" / "dist" / "assets"
    found = {
        path for file in assets.glob("index-*.js") for path in re.findall(r"path:[`\"](dags/[^`\"]+)", file.read_text())
    }
    return [re.compile("/" + re.sub(r":(\w+)", r"(?P<\1>[^/]+)", path)) for path in sorted(found)]


def test_links_lead_to_pages_of_the_ui_and_to_what_there_is(world: Lab, sink: Sink) -> None:
    watch(world, sink, 0.2)
    (body,) = sink.at("/alerts")
    known = routes()
    for name, keys in {"run": {"dagId", "runId"}, "task": {"dagId", "runId", "taskId"}}.items():
        path = urlsplit(body["links"][name]).path
        (match,) = [found for route in known if (found := route.fullmatch(path))]
        there = {key: unquote(value) for key, value in match.groupdict().items()}
        assert set(there) == keys
        with create_session() as session:
            run = session.query(DagRun).filter_by(dag_id=there["dagId"], run_id=there["runId"]).one()
            assert run.get_task_instance(there.get("taskId", "tell")).state == "success"
        assert body["links"][name] in plain(world.mails[0])


def test_secrets_are_neither_in_logs_nor_in_what_the_ui_shows(
    world: Lab, sink: Sink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.edit("watch", "[mail, chat, pager]", "[chat, pager, failing, hanging, dead, mail]")
    world.edit("watch", "    nowhere:", "    dead: {type: slack, connection: dead, timeout: 1s}\n    nowhere:")
    monkeypatch.setenv("AIRFLOW_CONN_DEAD", CHAT.replace("/slack/", "/500/") % sink.port)
    ran = watch(world, sink, 0.2)
    with create_session() as session:
        rendered = [row.rendered_fields for row in session.query(RenderedTaskInstanceFields).filter_by(dag_id="watch")]
        kept = [row.value for row in session.query(AssetStateStoreModel).all()]
    assert any("message" in fields for fields in rendered)
    everything = json.dumps([rendered, kept, ran.results, [plain(mail) for mail in world.mails], ran.log, caplog.text])
    assert [secret for secret in SECRETS if secret in everything] == []


def test_nothing_is_said_twice_while_severity_stays_the_same(world: Lab, sink: Sink) -> None:
    for number in range(2):
        ran = watch(world, sink, 0.2, at=hour(number))
    assert told(world, sink) == (1, 1, 1)
    assert "and unchanged since, to be repeated from" in ran.results["tell"]["known"]["mail"]
    watch(world, sink, 0.05, at=hour(3))
    watch(world, sink, 0.2, at=hour(4))
    assert told(world, sink) == (2, 2, 2)


def test_it_reminds_after_a_day_and_a_cleared_task_never_says_it_again(world: Lab, sink: Sink) -> None:
    watch(world, sink, 0.2, at=hour(0))
    watch(world, sink, 0.2, at=hour(0))
    assert told(world, sink) == (1, 1, 1)
    age_memory(23)
    watch(world, sink, 0.2, at=hour(23))
    assert told(world, sink) == (1, 1, 1)
    age_memory(1)
    watch(world, sink, 0.2, at=hour(24))
    assert told(world, sink) == (2, 2, 2)
    age_memory(100)
    watch(world, sink, 0.2, at=hour(0))
    assert told(world, sink) == (2, 2, 2)


def test_dead_channels_are_reported_on_the_others_and_do_not_fail_the_pipeline(
    world: Lab, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    world.edit("watch", "[mail, chat, pager]", "[mail, hanging, pager, failing, nowhere]")
    begun = time.monotonic()
    ran = watch(world, sink, 0.2)
    assert time.monotonic() - begun < 60  # the one that hangs would do so for ever
    assert (ran.state, ran.tasks["tell"]) == ("success", "success")
    assert ran.results["tell"]["sent"] == ["pager", "mail"]
    reasons = ran.results["tell"]["undelivered"]
    assert reasons["hanging"] == "no answer within 1 s"
    assert reasons["failing"].startswith("it answered 500")
    assert "Airflow has no connection 'not_there'; add it" in reasons["nowhere"]
    (mail,) = world.mails
    for name, why in reasons.items():
        assert f"The channel {name} did not take this alert: {why}" in plain(mail)
        assert f"The channel {name} did not take the alert" in caplog.text
    first, later = sink.at("/alerts")
    assert [missed["channel"] for missed in first["undelivered"]] == ["hanging"]
    assert [missed["channel"] for missed in later["undelivered"]] == ["failing", "nowhere"]
    assert (later["event"], later["id"]) == ("channel", f"{first['id']}/channel")


def test_a_channel_that_was_dead_gets_the_alert_in_the_next_run(world: Lab, sink: Sink) -> None:
    world.edit("watch", "[mail, chat, pager]", "[mail, failing]")
    watch(world, sink, 0.2, at=hour(0))
    world.edit("watch", "/500", "/alerts")
    watch(world, sink, 0.2, at=hour(1))
    assert told(world, sink) == (1, 0, 1)


def test_an_alert_that_nobody_took_is_skipped_and_tried_again_in_the_next_run(
    world: Lab, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.edit("watch", "[mail, chat, pager]", "[mail]")
    with monkeypatch.context() as patch:
        use_mail_server(patch, free_port())
        ran = watch(world, sink, 0.2, at=hour(0))
    assert (ran.state, ran.tasks["tell"]) == ("success", "skipped")
    assert "Nobody got the alert: mail: the mail server of connection 'smtp_default' did not take the mail" in ran.log
    assert watch(world, sink, 0.2, at=hour(1)).tasks["tell"] == "success"
    assert told(world, sink) == (1, 0, 0)


def test_a_mail_server_that_hangs_is_given_up(world: Lab, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    world.edit("watch", "ml@example.com]}", "ml@example.com], timeout: 1s}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_mail_server(monkeypatch, silent.getsockname()[1])
        ran = watch(world, sink, 0.2)
    assert "connection 'smtp_default' did not take the mail" in ran.results["tell"]["undelivered"]["mail"]
    assert [body["event"] for body in sink.at("/alerts")] == ["drift", "channel"]


def forget_retrainings() -> None:
    with create_session() as session:
        session.query(DagRun).filter(DagRun.dag_id == "watched").delete()


def test_critical_drift_that_may_not_retrain_is_told_once_for_each_reason(world: Lab, sink: Sink) -> None:
    forget_retrainings()
    world.run("watched")
    assert watch(world, sink, 0.3, at=hour(0)).tasks["retrain"] == "success"
    assert told(world, sink) == (0, 0, 0)
    for number in (1, 2):
        assert watch(world, sink, 0.3, at=hour(number)).tasks["retrain"] == "skipped"
    with create_session() as session:
        session.query(DagRun).filter(DagRun.dag_id == "watched").update({"state": "success"})
    for number in (3, 3):
        assert watch(world, sink, 0.3, at=hour(number)).tasks["retrain"] == "skipped"
    busy, cooldown = sink.at("/alerts")
    assert (busy["event"], busy["severity"]) == ("refused", "critical")
    assert busy["subject"] == "watch: drift is critical and watched is not started"
    assert "No retraining: watched has runs queued or running already: 1." in busy["message"]
    assert "No retraining: cooldown: the last retraining was asked for at" in cooldown["message"]
    assert told(world, sink) == (2, 2, 2)


def test_who_is_told_of_a_refusal_can_be_chosen(world: Lab, sink: Sink) -> None:
    forget_retrainings()
    world.run("watched")
    world.edit("watch", "tasks:\n", "  on_refused: [pager]\ntasks:\n")
    for number in (0, 1):
        watch(world, sink, 0.3, at=hour(number))
    assert told(world, sink) == (0, 0, 1)
    world.edit("watch", "on_refused: [pager]", "on_refused: []")
    age_memory(0)
    ran = watch(world, sink, 0.3, at=hour(2))
    assert "Nobody is told that drift is critical and watched is not started" in ran.log


@pytest.fixture
def worker(world: Lab) -> Lab:
    path = world.folder / "config" / "pipelines" / "watch.yaml"
    path.write_text(WORK.replace("FOLDER", str(world.folder)))
    return world


def test_a_failure_is_told_with_its_reason_its_line_and_the_channel_that_is_dead(worker: Lab) -> None:
    (worker.folder / "broken").touch()
    assert worker.run("watch").state == "failed"
    (mail,) = worker.mails
    text = plain(mail)
    assert mail["subject"] == "watch: work failed"
    assert "Task work of pipeline watch failed (run manual__" in text
    assert "Bash command failed" in text
    assert "The channel failing did not take this alert: it answered 500" in text
    assert "watch.yaml:11:3" in text


def test_a_recovery_is_told_once_and_only_after_a_failure(worker: Lab) -> None:
    worker.edit("watch", "  on_success: [mail]\n", "")
    worker.run("watch", at=hour(0))
    (worker.folder / "broken").touch()
    worker.run("watch", at=hour(1))
    worker.run("watch", at=hour(2))
    (worker.folder / "broken").unlink()
    worker.run("watch", at=hour(3))
    worker.run("watch", at=hour(4))
    subjects = [mail["subject"] for mail in worker.mails]
    assert subjects == ["watch: work failed", "watch: work failed", "watch: work works again"]
    assert "It had failed in run " in plain(worker.mails[-1])


def test_a_task_cleared_after_its_failure_recovers_too_and_success_is_told_beside_it(worker: Lab) -> None:
    (worker.folder / "broken").touch()
    worker.run("watch", at=hour(0))
    (worker.folder / "broken").unlink()
    worker.run("watch", at=hour(0))
    subjects = {mail["subject"] for mail in worker.mails[1:]}
    assert subjects == {"watch: work succeeded", "watch: work works again"}
