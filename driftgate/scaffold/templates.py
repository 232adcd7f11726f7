"""The text of a new pipeline's file: complete, valid, and with a comment where somebody will ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from driftgate.scaffold.quality import MOST_COLUMNS, Column, Proposal
from driftgate.views.inline import inline
from driftgate.views.yaml_text import scalar

_WIDEST = 10_000  # nothing is cut off
_COMMENT = 52  # the column where comments begin at least


@dataclass(frozen=True)
class Retraining:
    """A pipeline that trains a model and puts it into production if it passes its gates."""

    dag_id: str
    schedule: str | None
    dataset: str
    target: str
    model: str
    max_age: str | None
    proposal: Proposal | None  # None: nobody looked at the data

    def text(self) -> str:
        """Return the file."""
        lines = [
            *_head(self.dag_id, f"Trains {self.model} and promotes it if it passes its gates.", self.schedule),
            "tags: [training]", "", *self._dataset(), "", *self._quality(), "", *self._model(), "", *self._gates(), "",
            *self._tasks(),
        ]  # fmt: skip
        return "\n".join(lines) + "\n"

    def _dataset(self) -> Iterator[str]:
        yield "dataset:"
        yield _noted(f"  uri: {scalar(self.dataset)}", "parquet or CSV: a path, or any fsspec URL (s3://, gs://, …)")
        yield _noted(f"  target: {scalar(self.target)}", "the column that the model learns to predict")
        if self.max_age:
            yield _noted(f"  max_age: {self.max_age}", "the longest time between two runs, and a seventh more")
        else:
            yield "  # max_age: 8d   # older data fail check_data_freshness; the schedule does not suggest a limit"
        if self._column:
            yield _noted(f"  timestamp_column: {scalar(self._column)}", "its newest value is the age of the data")

    @property
    def _column(self) -> str | None:
        return self.proposal.timestamp_column if self.proposal else None

    def _quality(self) -> Iterator[str]:
        if self.proposal is None:
            yield "quality:                 # rules that the data must keep; nobody has looked at them yet"
            yield "  min_rows: 100"
            yield "  max_missing_share: 0.05"
            yield "  columns:"
            yield f"    {scalar(self.target)}: {{max_missing_share: 0}}"
            return
        found = self.proposal
        yield "# Proposed from the data as they are, with some room: check each rule against what you know."
        yield "quality:"
        yield _noted(f"  min_rows: {found.min_rows}", f"found {found.rows}")
        yield _noted(
            f"  max_missing_share: {scalar(found.max_missing_share)}", "of any column without a limit of its own"
        )
        yield _noted(f"  max_duplicate_share: {scalar(found.max_duplicate_share)}", "rows that repeat another")
        yield "  columns:"
        yield from (_noted(*_rule(column)) for column in found.columns)
        if found.width > MOST_COLUMNS:
            yield f"    # and {found.width - len(found.columns)} columns more, which only have to have few gaps"

    def _model(self) -> Iterator[str]:
        yield "model:"
        yield _noted(f"  name: {scalar(self.model)}", "in the model registry")
        yield _noted("  estimator: sklearn.ensemble.RandomForestClassifier", "or of xgboost, lightgbm, catboost")
        yield "  params: {n_estimators: 300, random_state: 7}"
        yield _noted("  test_size: 0.2", "share of the rows that only evaluate_model sees")
        if self._column:
            yield _noted(f"  split: {{by: {scalar(self._column)}}}", "the newest rows, as in production")

    def _gates(self) -> Iterator[str]:
        classes = self.proposal.classes if self.proposal else 2
        metric, guessing = ("roc_auc", 0.5) if classes == 2 else ("balanced_accuracy", 1 / classes)
        yield "# A model that misses a gate is not promoted. This one is half way between guessing and perfect: after"
        yield "# the first run set it to just below what that model reached."
        yield "gates:"
        yield f"  {metric}: {{above: {scalar(round((1 + guessing) / 2, 2))}}}"

    def _tasks(self) -> Iterator[str]:
        steps = ("check_data_freshness", "validate_data_quality", "train_model", "evaluate_model",
                 "promote_to_production", "restart_api_service")  # fmt: skip
        yield "tasks:"
        for before, step in zip(("", *steps), steps, strict=False):
            yield f"  {step}:"
            yield f"    operator: {step}"
            if before:
                yield f"    depends_on: [{before}]"
            if step == "restart_api_service":
                yield _noted("    connection: model_api", "Airflow connection of the model API")


@dataclass(frozen=True)
class Drift:
    """A pipeline that watches production data for drift and starts another one when it is critical."""

    dag_id: str
    schedule: str | None
    pipeline: str  # to start
    channels: Sequence[str]  # of alerts; empty when none are declared

    def text(self) -> str:
        """Return the file."""
        words = f"Checks production data for drift and starts {self.pipeline} when it is critical."
        lines = [
            *_head(self.dag_id, words, self.schedule),
            "tags: [monitoring, drift]",
            "",
            *_BANDS,
            "",
            *self._tasks(),
        ]
        return "\n".join(lines) + "\n"

    def _tasks(self) -> Iterator[str]:
        told = "send_alert" if self.channels else "log_drift"
        yield "tasks:"
        yield "  check_drift:"
        yield "    operator: check_drift"
        yield _noted("    connection: model_api", "Airflow connection of the model API")
        yield "  decide_action:"
        yield "    operator: decide_action"
        yield "    depends_on: [check_drift]"
        yield "    routes:"
        routes = {
            "none": "log_no_drift",
            "minor": "log_drift",
            "moderate": told,
            "critical": "retrain",
            "unknown": told,
        }
        yield from (f"      {severity}: {task}" for severity, task in routes.items())
        yield from _log("log_no_drift", "info", "No drift: PSI {{ drift.psi }} over {{ drift.samples }} predictions")
        yield from _log("log_drift", "warning", "Drift: PSI {{ drift.psi }}, led by {{ drift.top_feature }}")
        yield from self._alert() if self.channels else ()
        yield "  retrain:"
        yield "    operator: trigger_retraining"
        yield f"    pipeline: {scalar(self.pipeline)}"
        yield _noted("    guard: {cooldown: 6h}", "at most one retraining in this time")

    def _alert(self) -> Iterator[str]:
        yield "  send_alert:"
        yield "    operator: send_alert"
        yield _noted(f"    channels: [{scalar(self.channels[0])}]", "of alerts.channels, in defaults.yaml")
        yield '    subject: "{{ dag.dag_id }}: drift is {{ drift.severity }}"'
        yield '    message: "{{ drift.summary }}"'


@dataclass(frozen=True)
class Blank:
    """A pipeline with one task, to begin with."""

    dag_id: str
    schedule: str | None

    def text(self) -> str:
        """Return the file."""
        lines = [*_head(self.dag_id, "What it does, in a sentence.", self.schedule), "", *_FIRST_TASKS]
        return "\n".join(lines) + "\n"


_BANDS = (
    "psi:                                                # Population Stability Index: where bands begin",
    "  minor: 0.10                                       # below it there is no drift",
    "  moderate: 0.15",
    "  critical: 0.25                                    # above it the model is retrained",
    "  aggregate: max                                    # over the features: max or mean",
    '  min_samples: 500                                  # with fewer predictions the severity is "unknown"',
)
_FIRST_TASKS = (
    "tasks:",
    "  say_hello:",
    "    operator: log_status                            # or any Airflow operator, by its dotted path",
    '    message: "Hello from {{ dag.dag_id }}"',
    "  # say_more:",
    "  #   operator: airflow.providers.standard.operators.bash.BashOperator",
    "  #   depends_on: [say_hello]",
    "  #   bash_command: echo more",
)


def _head(dag_id: str, description: str, schedule: str | None) -> list[str]:
    when = "null" if schedule is None else scalar(schedule)
    return [
        f"dag_id: {scalar(dag_id)}",
        f"description: {scalar(description)}",
        _noted(f"schedule: {when}", "preset, cron expression, interval such as 6h; null: by hand"),
    ]  # fmt: skip


def _log(name: str, level: str, message: str) -> Iterator[str]:
    yield f"  {name}:"
    yield "    operator: log_status"
    yield f"    level: {level}"
    yield f"    message: {scalar(message)}"


def _rule(column: Column) -> tuple[str, str]:
    rules: Any = dict(column.rules)
    return f"    {scalar(column.name)}: {inline(rules, _WIDEST)}", column.found


def _noted(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT - 1}} # {comment}" if comment else line
