"""Train a model, and judge it on rows it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from driftgate.errors import NothingToDo, UserMistake
from driftgate.services.reminders import refusal
from operators.alerts import tell_of_drift
from operators.base import DriftgateOperator, Section, result_of
from operators.connections import tracking_uri
from operators.ledger import DecisionLink, Limits

if TYPE_CHECKING:
    from airflow.sdk import Context

    from driftgate.services.evaluation import Evaluation
    from driftgate.services.gates import Verdict
    from driftgate.services.training import Job


_BOUNDS = ("above", "at_least", "below", "at_most", "max_drop")


class TrainModelOperator(DriftgateOperator):
    """Trains the model and registers it in MLflow, one version per run however often it is retried.

    Where drift asks for a model and the data cannot give another, it is skipped, and people are told.

    :param dataset: the pipeline's section (templated).
    :param model: the pipeline's section.
    :param alerts: the pipeline's section; the channels in its ``on_refused`` are told.
    """

    template_fields = ("dataset", "model")
    operator_extra_links = (DecisionLink(),)
    remembers = True
    decides = "training"
    psi = None  # the thresholds are in the pipeline that measured the drift

    def __init__(self, *, dataset: Section, model: Section, alerts: Section | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.model = model
        self.alerts = alerts or {}

    def work(self, context: Context) -> dict[str, Any]:
        """Return the model's name and version, its MLflow run id and the data's digest."""
        from driftgate.services import training

        try:
            trained = training.train(self._job(context))
        except NothingToDo as nothing:
            self._tell_refusal(context, str(nothing))
            raise
        self.log.info("Version %s of %s is registered", trained["version"], trained["model"])
        return trained

    def _job(self, context: Context) -> Job:
        from driftgate.services import holdout, training

        return training.Job(
            tracking_uri=tracking_uri(self.model["tracking"]),
            experiment=self.dag_id,
            airflow_run=f"{self.dag_id}/{context['run_id']}",
            uri=self.dataset["uri"],
            choice=holdout.Choice(
                self.dataset["target"],
                self.model["test_size"],
                split_by=self.model.get("split", {}).get("by"),
                timestamp_column=self.dataset.get("timestamp_column"),
            ),
            model=self.model["name"],
            estimator=self.model["estimator"],
            params=self.model["params"],
            only_new_data=bool((context["dag_run"].conf or {}).get("new_data")),
        )

    def _tell_refusal(self, context: Context, reason: str) -> None:
        """Nobody trains although drift asks for it: people must know, once for each reason."""
        drift, channels = (context["dag_run"].conf or {}).get("drift"), list(self.alerts.get("on_refused", ()))
        if isinstance(drift, Mapping) and channels:
            severity = drift.get("severity", "there")
            subject = f"{self.dag_id}: drift is {severity} and {self.model['name']} is not trained anew"
            message = f"{drift.get('summary', '')}\nNo training: {reason}.".strip()
            tell_of_drift(context, self, "refused", subject, message, drift, channels, refusal(severity, reason))

    def decision(self, result: dict[str, Any]) -> tuple[str, str, Section]:
        """There is a new version."""
        return "registered", f"Version {result['version']} of {result['model']} is trained and registered", result


class EvaluateModelOperator(DriftgateOperator):
    """Fails unless the trained version passes every gate; production is untouched either way.

    :param dataset: the pipeline's section (templated).
    :param model: the pipeline's section.
    :param gates: the pipeline's section.
    """

    template_fields = ("dataset", "model", "gates")
    operator_extra_links = (DecisionLink(),)
    decides = "gate"

    def __init__(self, *, dataset: Section, model: Section, gates: Section, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.model = model
        self.gates = gates

    def work(self, context: Context) -> dict[str, Any]:
        """Return the version, its metrics on the hold-out, and the intervals of those that have gates."""
        from driftgate.services import evaluation

        trained = result_of(self, context, TrainModelOperator.__name__)
        result = evaluation.evaluate(tracking_uri(self.model["tracking"]), trained, self.dataset["uri"], self.gates)
        for verdict in result.verdicts:
            self.log.info("Gate %s: %s", "passed" if verdict.passed else "FAILED", verdict)
        if result.failed:
            raise UserMistake(self._refusal(result))
        return {
            "model": trained["model"],
            "version": result.version,
            "metrics": dict(result.metrics),
            "intervals": {name: [interval.low, interval.high] for name, interval in result.intervals.items()},
            "verdicts": [str(verdict) for verdict in result.verdicts],
        }

    def decision(self, result: dict[str, Any]) -> tuple[str, str, Section]:
        """The version passed every gate."""
        verdicts = "\n".join(result["verdicts"])
        reason = f"Version {result['version']} of {result['model']} passed every gate:\n{verdicts}"
        return "passed", reason, {**result["metrics"], "model": result["model"], "version": result["version"]}

    def limits(self) -> Limits:
        """What each metric is held against."""
        return {
            ("gates", gate, key): value
            for gate, rules in self.gates.items()
            for key, value in rules.items()
            if key in _BOUNDS
        }

    def _refusal(self, result: Evaluation) -> str:
        lines = "\n".join(f"  - {verdict} ({self._place(verdict)})" for verdict in result.failed)
        return (
            f"version {result.version} of {self.model['name']} failed its gate and stays out of production:\n"
            f"{lines}\nImprove the data or the model, or change the gate if it asks too much."
        )

    def _place(self, verdict: Verdict) -> str:
        return self.locate(*verdict.path)
