"""The whole examination, in the order in which one thing rests on another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftgate.doctor import machine, servers
from driftgate.doctor.finding import Finding, failed, ok, skipped
from driftgate.doctor.surroundings import ELSEWHERE, NoAirflow

if TYPE_CHECKING:
    from driftgate.config.model import Pipeline
    from driftgate.doctor.surroundings import Surroundings

EXAMPLES = {
    "mlflow": "http://USER:PASSWORD@localhost:5000",
    "api": "http://:TOKEN@localhost:8000",
    "mail": "smtp://USER:PASSWORD@localhost:587",
}


@dataclass
class Needs:
    """The connections that the pipelines name, by what they lead to, and the models that they train."""

    mlflow: set[str] = field(default_factory=set)
    api: set[str] = field(default_factory=set)
    mail: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)

    def add(self, pipeline: Pipeline) -> None:
        """Add what one pipeline needs."""
        if model := pipeline.sections.get("model"):
            self.models.add(model["name"])
            self.mlflow.add(model.get("tracking", "mlflow_default"))
        for task in pipeline.tasks:
            if task.operator in ("check_drift", "restart_api_service"):
                self.api.add(task.parameters.get("connection", "model_api"))
        channels = (pipeline.sections.get("alerts") or {}).get("channels") or {}
        self.mail |= {channel["connection"] for channel in channels.values() if channel.get("type") == "email"}


def examine(around: Surroundings) -> Iterator[Finding]:
    """Yield what is found, as it is found."""
    visits, needs = servers.Visits(), Needs()
    yield from machine.versions(around.config.parent)
    yield from _configuration(around, needs)
    yield from machine.secrets()
    yield from servers.airflow(visits, around.airflow)
    yield from _connections(around, needs)
    yield from _outside(around, needs, visits)
    yield from machine.clocks(visits.clocks)
    yield from machine.disks()


def _configuration(around: Surroundings, needs: Needs) -> Iterator[Finding]:
    from driftgate.config.load import load_all

    loaded = load_all(around.config, around.env)
    for pipeline in loaded.pipelines:
        needs.add(pipeline)
    errors = sum(problem.severity == "error" for problem in loaded.problems)
    if errors:
        yield failed("Pipelines", f"{errors} problems in {around.config}", "driftgate validate")
    elif not loaded.pipelines:
        yield failed("Pipelines", f"there are none in {around.config}", "--config DIR names the right folder")
    else:
        yield ok("Pipelines", f"{len(loaded.pipelines)} in {around.config}, all valid")


def _connections(around: Surroundings, needs: Needs) -> Iterator[Finding]:
    for kind, example in EXAMPLES.items():
        for conn_id in sorted(getattr(needs, kind)):
            try:
                found = around.connection(conn_id) is not None
            except NoAirflow as error:
                yield skipped("Connections", f"they cannot be read here: {error}", ELSEWHERE)
                return
            if found:
                yield ok("Connections", f"{conn_id} is there")
            else:
                todo = f"airflow connections add {conn_id} --conn-uri {example}"
                if kind == "mail":
                    todo += " (the compose file: set SMTP_HOST in .env and run airflow-init again)"
                yield failed("Connections", f"there is no {conn_id}", todo)


def _outside(around: Surroundings, needs: Needs, visits: servers.Visits) -> Iterator[Finding]:
    production: dict[str, str] = {}
    for conn_id in sorted(needs.mlflow) or [""]:
        if server := around.mlflow_at(conn_id):
            findings, found = servers.mlflow(visits, server, sorted(needs.models))
            production |= found
            yield from findings
        elif conn_id:
            yield skipped("MLflow", f"it is not known where {conn_id} is", "--mlflow URL says so")
    for conn_id in sorted(needs.api):
        if api := around.api_at(conn_id):
            yield from servers.model_api(visits, api, production)
        else:
            yield skipped("Model API", f"it is not known where {conn_id} is", "--api URL says so")
    for conn_id in sorted(needs.mail):
        if mail := around.mail_at(conn_id):
            yield servers.mail(mail)
