"""Gates that know their noise, in a whole run: what they refuse, and that production stays as it is."""

from __future__ import annotations

from support.lab import Lab


def test_a_bound_too_low_and_a_drop_too_large_are_refused_and_production_stays(lab: Lab) -> None:
    versus = "\n  versus_production: {metric: roc_auc, max_drop: 0.01}"
    lab.edit("model_retraining", "{above: 0.95}", "{above: 0.95}" + versus)
    first = lab.run("model_retraining")
    assert first.state == "success"
    assert "no version is in production, and first_model is accept" in first.log

    lab.edit("model_retraining", "{above: 0.95}", "{above: 0.95, require: lower_bound}")
    lab.edit("model_retraining", "n_estimators: 30", "n_estimators: 5")
    ran = lab.run("model_retraining")
    assert ran.tasks["evaluate_model"] == "failed"
    assert "roc_auc 0.96" in ran.log
    assert " at 95 %), whose lower bound 0.8" in ran.log
    assert "must be above 0.95 (config/pipelines/model_retraining.yaml:29:20)" in ran.log
    assert "of version 1 in production: a drop of 0.0" in ran.log
    assert "must be at most 0.01 (config/pipelines/model_retraining.yaml:30:50)" in ran.log
    assert (lab.production(), lab.served()) == ("1", "1")
