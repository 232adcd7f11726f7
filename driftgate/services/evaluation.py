"""Judge a trained model on the rows it has not seen, against the gates of its pipeline."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.errors import UserMistake
from driftgate.services import data, gates, incumbent, modelfile, registry, resampling, scoring
from driftgate.services.gates import Comparison, Verdict
from driftgate.services.holdout import Choice, Split, split
from driftgate.services.resampling import Interval

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Gates = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Evaluation:
    """The hold-out metrics of one model version, the intervals of those that have gates, and the gates' verdicts.

    ``comparison`` is with the version in production, where a gate asks for it.
    """

    version: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]
    comparison: Comparison | None
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[Verdict]:
        """The gates that were not passed."""
        return [verdict for verdict in self.verdicts if not verdict.passed]


def evaluate(tracking_uri: str, trained: Mapping[str, Any], uri: str, rules: Gates) -> Evaluation:
    """Score a version on its hold-out, log metrics and verdicts to MLflow, and return them.

    ``trained`` is what training returned; its target and split count, whatever the pipeline says by now. ``rules``
    is the section gates. Raises UserMistake when the data at ``uri`` is no longer what the model was trained on:
    the rows held out then cannot be told from those it has seen.
    """
    client = registry.connect(tracking_uri)
    table = data.read_table(uri)
    _require_same_data(data.digest(table), trained)
    parts = split(table, Choice.of(trained))
    with registry.explained():
        answers = scoring.ask(_model(client, trained), parts.held_x)
        comparison = None
        if versus := rules.get(gates.VERSUS):
            comparison = incumbent.compare(client, trained, parts, answers, versus)
        result = _judged(trained["version"], parts, answers, rules, comparison)
        _log(client, trained, result, rules)
    return result


def _model(client: MlflowClient, trained: Mapping[str, Any]) -> Any:
    name, version = trained["model"], trained["version"]
    try:
        return modelfile.load(client.get_model_version(name, version))
    except UserMistake as error:
        raise UserMistake(f"version {version} of {name} cannot be judged: {error}") from None


def _require_same_data(digest: str, trained: Mapping[str, Any]) -> None:
    if digest != trained["digest"]:
        raise UserMistake(
            f"the data changed after training (digest {trained['digest']} then, {digest} now), so its hold-out "
            "is lost; clear train_model to train on the data as it is"
        )


def _judged(
    version: str, parts: Split, answers: scoring.Answers, rules: Gates, comparison: Comparison | None
) -> Evaluation:
    metrics = scoring.score(answers, parts.held_y)
    intervals = _intervals(metrics, parts, answers, rules)
    why = _why_not(parts)
    verdicts = tuple(
        gates.judge_versus(rule, comparison)
        if comparison is not None and gate == gates.VERSUS
        else gates.judge_metric(gate, rule, metrics.get(gate), intervals.get(gate), why)
        for gate, rule in rules.items()
    )
    return Evaluation(version, metrics, intervals, comparison, verdicts)


def _intervals(
    metrics: Mapping[str, float], parts: Split, answers: scoring.Answers, rules: Gates
) -> dict[str, Interval]:
    """Return the interval of each metric that has a gate; the measured value is never outside of it."""
    asked = {name: gates.confidence_of(rule) for name, rule in rules.items() if name in metrics}
    scored = scoring.coded(answers, parts.held_y)
    if scored is None or not asked:
        return {}
    found = resampling.intervals(scored, asked, parts.seed)
    return {name: interval.around(metrics[name]) for name, interval in found.items()}


def _why_not(parts: Split) -> str:
    """Say why a metric cannot be computed, if it is for the rows."""
    seen = parts.held_y.unique()
    return f"every row held out is of class {seen[0]}" if len(seen) == 1 else ""


def _log(client: MlflowClient, trained: Mapping[str, Any], result: Evaluation, rules: Gates) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    values = {**result.metrics, **_ends(result.intervals), **_of_comparison(result.comparison, rules)}
    client.log_batch(trained["run_id"], metrics=[Metric(name, value, now, 0) for name, value in values.items()])
    tags = {
        registry.GATES_TAG: "failed" if result.failed else "passed",
        **{f"driftgate.gate.{verdict.gate}.{verdict.key}": str(verdict) for verdict in result.verdicts},
    }
    if result.comparison:
        tags["driftgate.compared_with"] = result.comparison.production or "none"
    for name, text in tags.items():
        client.set_model_version_tag(trained["model"], trained["version"], name, text)


def _ends(intervals: Mapping[str, Interval]) -> dict[str, float]:
    return {
        f"{name}_{end}": value
        for name, interval in intervals.items()
        for end, value in (("low", interval.low), ("high", interval.high))
    }


def _of_comparison(comparison: Comparison | None, rules: Gates) -> dict[str, float]:
    if comparison is None or comparison.production_value is None:
        return {}
    metric = rules[gates.VERSUS]["metric"]
    drop = comparison.drop(metric)
    found = {f"{metric}_production": comparison.production_value}
    found |= {} if drop is None else {f"{metric}_drop": drop}
    return found | (_ends({f"{metric}_drop": comparison.interval}) if comparison.interval else {})
