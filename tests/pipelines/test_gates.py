"""Gates that know their noise, in a whole run: what they refuse, and that production stays as it is."""

from __future__ import annotations

from support.lab import Lab


def test_a_model_whose_lower_bound_is_too_low_is_refused_and_production_stays(lab: Lab) -> None:
    lab.run("model_retraining")
    lab.edit("model_retraining", "{above: 0.95}", "{above: 0.95, require: lower_bound}")
    ran = lab.run("model_retraining")
    assert ran.tasks["evaluate_model"] == "failed"
    assert "roc_auc 0.98" in ran.log
    assert " at 95 %), whose lower bound 0.9" in ran.log
    assert "must be above 0.95 (config/pipelines/model_retraining.yaml:29:20)" in ran.log
    assert (lab.production(), lab.served()) == ("1", "1")


def test_a_model_worse_than_production_is_refused_by_a_comparison_on_the_same_rows(lab: Lab) -> None:
    versus = "gates:\n  versus_production: {metric: roc_auc, max_drop: 0.01}"
    lab.edit("model_retraining", "gates:\n  roc_auc: {above: 0.95}", versus)
    ran = lab.run("model_retraining")
    assert ran.state == "success"
    assert "no version is in production, and first_model is accept" in ran.log
    lab.edit("model_retraining", "n_estimators: 30", "n_estimators: 1, max_depth: 1, max_features: 1")
    ran = lab.run("model_retraining")
    assert ran.tasks["evaluate_model"] == "failed"
    assert "of version 1 in production: a drop of 0." in ran.log
    assert "must be at most 0.01 (config/pipelines/model_retraining.yaml:29:50)" in ran.log
    assert (lab.production(), lab.served()) == ("1", "1")
