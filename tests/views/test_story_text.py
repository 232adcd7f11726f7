from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from driftgate.services.alerts import Threshold
from driftgate.services.ledger import Decision, Entry
from driftgate.services.story import Chapter
from driftgate.views.story_text import listing, story_data, story_markdown, story_text

AT = datetime(2026, 11, 17, 9, 0, 4, tzinfo=UTC)
LIMIT = Threshold("psi.critical", 0.25, "config/pipelines/drift_monitoring.yaml:11:13")
CRITICAL = Entry(
    Decision("drift", "critical", "PSI 0.310 over 1240 predictions", {"psi": 0.31}, (LIMIT,)),
    AT, "drift_monitoring", "9h", "check_drift", config="c0ffee" * 6, revision="52c8d0c", url="http://mlflow/1",
)  # fmt: skip
PASSED = Entry(
    Decision("gate", "passed", "roc_auc 0.99 | above 0.95\nf1 0.9"),
    AT + timedelta(minutes=2), "model_retraining", "a", "evaluate_model", cause="drift_monitoring/9h",
)  # fmt: skip
STORY = (Chapter("drift_monitoring/9h", (CRITICAL,)), Chapter("model_retraining/a", (PASSED,)))


def test_a_story_tells_outcome_reason_and_place_of_each_decision() -> None:
    assert (
        story_text(STORY)
        == """\
drift_monitoring/9h
  Tuesday, 17 November 2026 (UTC)

  09:00:04  check_drift: critical
            PSI 0.310 over 1240 predictions
            psi.critical: 0.25  (config/pipelines/drift_monitoring.yaml:11:13)

  configuration c0ffeec0ffee  revision 52c8d0c

model_retraining/a
  Tuesday, 17 November 2026 (UTC); because of drift_monitoring/9h

  09:02:04  evaluate_model: passed
            roc_auc 0.99 | above 0.95
            f1 0.9
"""
    )


def test_a_cause_that_is_not_told_is_said_to_be_unknown() -> None:
    assert "because of drift_monitoring/9h, of which the ledger knows nothing" in story_text(STORY[1:])


def test_markdown_keeps_its_table_whatever_a_reason_says() -> None:
    row = next(line for line in story_markdown(STORY).splitlines() if "passed" in line)

    assert row == "| 2026-11-17 09:02:04 | evaluate_model | passed | roc_auc 0.99 \\| above 0.95 f1 0.9 |  |"


def test_data_holds_everything() -> None:
    told = json.loads(json.dumps(story_data(STORY)))

    [first, second] = told["runs"]
    assert (second["run"], second["cause"]) == ("model_retraining/a", "drift_monitoring/9h")
    assert first["decisions"][0]["time"] == "2026-11-17T09:00:04+00:00"
    assert first["decisions"][0]["thresholds"] == [
        {"name": "psi.critical", "value": 0.25, "where": "config/pipelines/drift_monitoring.yaml:11:13"}
    ]


def test_a_listing_has_a_line_for_each_decision_the_newest_last() -> None:
    assert listing([PASSED, CRITICAL]).splitlines() == [
        "2026-11-17 09:00:04  drift: critical  PSI 0.310 over 1240 predictions  drift_monitoring/9h check_drift",
        "2026-11-17 09:02:04  gate: passed  roc_auc 0.99 | above 0.95 f1 0.9  model_retraining/a evaluate_model",
    ]


def test_control_characters_of_a_reason_are_made_visible() -> None:
    entry = Entry(Decision("drift", "none", "a\x1b[31mb"), AT, "p", "r", "t")

    assert "\x1b" not in story_text([Chapter("p/r", (entry,))]) + listing([entry])
