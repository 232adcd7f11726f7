"""Every task of both pipelines can be cleared after its run, and nothing happens twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from support.lab import Lab, Ran

from driftgate.services import registry
from driftgate.services.ledger import EXPERIMENT

RETRAINING = (
    "check_data_freshness",
    "validate_data_quality",
    "train_model",
    "evaluate_model",
    "promote_to_production",
    "restart_api_service",
)
MONITORING = (
    "check_drift",
    "decide_action",
    "log_no_drift",
    "log_minor_drift",
    "send_alert",
    "trigger_retraining",
)


class Done(NamedTuple):
    """What the world shows of everything that was done."""

    versions: list[str]
    aliases: registry.Aliases
    served: str | None
    mails: int
    retrainings: list[str]
    ledger: Counter[tuple[str, ...]]


def done(lab: Lab) -> Done:
    client = registry.connect(lab.mlflow)
    with create_session() as session:
        drift = session.query(DagRun.run_id).filter(DagRun.run_id.like("drift__%")).order_by(DagRun.run_id)
        retrainings = [run_id for (run_id,) in drift]
    return Done(
        sorted(version.version for version in client.search_model_versions(f"name = '{lab.model}'")),
        registry.aliases(client, lab.model),
        lab.served(),
        len(lab.mails),
        retrainings,
        Counter(kept(lab)),
    )


def kept(lab: Lab) -> list[tuple[str, ...]]:
    """What the ledger holds, as MLflow has it: run, task, kind and outcome of each entry."""
    client = registry.connect(lab.mlflow)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    runs = client.search_runs([experiment.experiment_id], "tags.`driftgate.pipeline` != ''", max_results=5_000)
    keys = ("run", "task", "kind", "outcome")  # of which others may leave some out
    return [tuple(run.data.tags.get(f"driftgate.{key}", "") for key in keys) for run in runs]


def clear_each(lab: Lab, dag_id: str, ran: Ran, tasks: tuple[str, ...]) -> dict[str, Counter[tuple[str, ...]]]:
    """Clear one task after the other; returns what the ledger got to hear for each.

    Everything else must stay as it is, and every task end as it did; a retraining that is there already is skipped.
    """
    more: dict[str, Counter[tuple[str, ...]]] = {}
    for task in tasks:
        before = done(lab)
        again = lab.clear(dag_id, ran.run_id, task)
        after = done(lab)
        assert after._replace(ledger=before.ledger) == before, task
        skipped = {task_id: "skipped" for task_id in again.tasks if task_id == "trigger_retraining"}
        assert again.tasks in (ran.tasks, {**ran.tasks, **skipped}), again.log
        more[task] = after.ledger - before.ledger
    return more


def test_a_run_that_promoted_a_model_does_it_once(lab: Lab) -> None:
    ran = lab.run("model_retraining")
    assert (ran.state, lab.served()) == ("success", "1")

    more = clear_each(lab, "model_retraining", ran, RETRAINING)

    assert sum(more.values(), Counter()) == Counter()


def hour(number: int) -> datetime:
    return datetime(2026, 6, 8, number, tzinfo=UTC)


def test_a_run_that_alerted_and_one_that_retrained_do_it_once(drifted: Lab) -> None:
    lab = drifted
    critical = lab.run("drift_monitoring", at=hour(1))
    assert critical.tasks["trigger_retraining"] == "success", critical.log
    lab.edit("drift_monitoring", "min_samples: 500", "min_samples: 100000")
    unknown: Any = lab.run("drift_monitoring", at=hour(2))
    assert (unknown.tasks["send_alert"], len(lab.mails)) == ("success", 1)

    alerted = clear_each(lab, "drift_monitoring", unknown, MONITORING)
    lab.edit("drift_monitoring", "min_samples: 100000", "min_samples: 500")
    started = clear_each(lab, "drift_monitoring", critical, MONITORING)

    assert sum(started.values(), Counter()) == Counter()
    known = (unknown.run_id, "send_alert", "alert", "known")
    assert sum(alerted.values(), Counter()) == Counter([known])  # that it was cleared, and told nobody anew
