"""What an alert says, in each of its forms."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from driftgate.services.alerts import Alert, as_html, as_json, as_slack, as_text, thresholds
from driftgate.services.channels import mail

PSI = {"minor": 0.1, "moderate": 0.15, "critical": 0.25, "aggregate": "max", "min_samples": 500}
FEATURES = {f"x{number}": number / 100 for number in range(7)} | {"mean area": 0.18}
DRIFT = {
    "severity": "moderate", "psi": 0.183, "samples": 1240, "features": FEATURES, "model": "m", "version": "3",
    "window": {"start": "2026-06-01T00:00Z", "end": "2026-06-02T00:00Z"}, "since": "2026-06-01T09:00:00+00:00",
}  # fmt: skip


def locate(*path: str | int) -> str:
    return f"config/x.yaml:{len(str(path))}:7"


def alert(**changes: Any) -> Alert:
    made = Alert(
        id="drift_monitoring/r/send_alert/drift/moderate", event="drift", subject="drift_monitoring: drift is moderate",
        message="Drift <b>moderate</b>\n\nsecond line", pipeline="drift_monitoring", run="r", task="send_alert",
        time="2026-06-02T00:00:00+00:00", severity="moderate", drift=DRIFT, thresholds=thresholds(PSI, locate),
        links={"run": 'http://airflow/runs?id=1&x="y"', "task": "http://airflow/t"}, where="config/x.yaml:28:3",
    )  # fmt: skip
    return replace(made, **changes)


def test_the_text_has_the_numbers_their_thresholds_and_where_these_are_written() -> None:
    assert (
        as_text(alert())
        == """\
Drift <b>moderate</b>

second line

PSI: 0.183
Predictions: 1240, at least 500 (config/x.yaml:22:7)
Model: m version 3
Window: 2026-06-01T00:00Z to 2026-06-02T00:00Z
Moderate since: 2026-06-01T09:00:00+00:00
Band minor: 0.1 ≤ PSI < 0.15 (config/x.yaml:16:7)
Band moderate: 0.15 ≤ PSI ≤ 0.25 (config/x.yaml:19:7) ← here
Band critical: PSI > 0.25 (config/x.yaml:19:7)
Feature mean area: PSI 0.18, moderate
Feature x6: PSI 0.06, none
Feature x5: PSI 0.05, none
Feature x4: PSI 0.04, none
Feature x3: PSI 0.03, none
Other features: 3 with a smaller PSI

Run in Airflow: http://airflow/runs?id=1&x="y"
Task and its log: http://airflow/t

Configured in config/x.yaml:28:3
"""
    )


def test_an_alert_about_nothing_but_a_message_has_nothing_else() -> None:
    assert as_text(alert(drift={}, thresholds=(), links={}, where="", message="hello")) == "hello\n"


def test_markup_in_a_message_stays_text() -> None:
    html = as_html(alert())
    assert "<p>Drift &lt;b&gt;moderate&lt;/b&gt;</p><p>second line</p>" in html
    assert '<a href="http://airflow/runs?id=1&amp;x=&quot;y&quot;">Run in Airflow</a>' in html
    assert "<b>moderate" not in html


def test_a_channel_that_is_dead_is_told_in_every_form() -> None:
    told = alert().without({"ops_slack": "it answered 500"})
    note = "The channel ops_slack did not take this alert: it answered 500"
    assert note in as_text(told)
    assert f"<b>{note}</b>" in as_html(told)
    assert note in as_slack(told)["blocks"][1]["text"]["text"]
    assert as_json(told)["undelivered"] == [{"channel": "ops_slack", "reason": "it answered 500"}]


def test_nobody_can_call_a_whole_slack_channel_and_no_block_is_longer_than_slack_takes() -> None:
    body = as_slack(alert(subject="<!channel> " + "s" * 300, message="<!channel>\n" + "m" * 9_000))
    header, section, links = body["blocks"]
    assert body["text"].startswith("&lt;!channel&gt; ")
    assert header["text"]["type"] == section["text"]["type"] == "plain_text"
    assert (len(header["text"]["text"]), len(section["text"]["text"]) <= 3_000) == (150, True)
    assert "<http://airflow/t|Task and its log>" in links["elements"][0]["text"]


def test_the_body_for_machines_is_what_the_documentation_says() -> None:
    body = json.loads(json.dumps(as_json(alert())))
    assert set(body) == {
        "schema", "id", "event", "subject", "message", "text", "pipeline", "run", "task", "time", "severity", "drift",
        "thresholds", "links", "where", "undelivered",
    }  # fmt: skip
    assert body["schema"] == "driftgate/alert/v1"
    assert body["thresholds"][0] == {"name": "psi.minor", "value": 0.1, "where": "config/x.yaml:16:7"}


def test_a_mail_has_text_and_html_and_a_subject_on_one_line() -> None:
    made = mail(alert(subject="Drift\r\nBcc: all@example.com"), "a@example.com", ["b@example.com", "c@example.com"])
    assert made["subject"] == "Drift Bcc: all@example.com"
    assert made["to"] == "b@example.com, c@example.com"
    assert [part.get_content_type() for part in made.iter_parts()] == ["text/plain", "text/html"]
    assert "Band moderate: 0.15 ≤ PSI ≤ 0.25" in made.get_body(("plain",)).get_content()


def test_the_same_alert_is_the_same_mail_and_another_is_not() -> None:
    ids = [mail(made, "a@example.com", ["b@example.com"])["message-id"] for made in (alert(), alert(), alert(id="x"))]
    assert ids[0] == ids[1] != ids[2]
