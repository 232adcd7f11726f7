"""Put a model version into production, and into service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftgate.durations import parse_duration
from driftgate.errors import NothingToDo
from operators.approval import require_approved
from operators.base import DriftgateOperator, Section, result_of
from operators.connections import model_api, tracking_uri
from operators.ledger import DecisionLink
from operators.training import EvaluateModelOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class PromoteToProductionOperator(DriftgateOperator):
    """Makes MLflow's alias ``production`` name the version that passed evaluation in this run.

    :param model: the pipeline's section.
    """

    template_fields = ("model",)
    operator_extra_links = (DecisionLink(),)
    decides = "promotion"

    def __init__(self, *, model: Section, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def work(self, context: Context) -> dict[str, Any]:
        """Return the model, the version promoted, and the aliases as they were before."""
        from driftgate.services import promotion

        passed = result_of(self, context, EvaluateModelOperator.__name__)
        require_approved(self, context, passed["version"])
        promoted = promotion.promote(tracking_uri(self.model["tracking"]), passed["model"], passed["version"])
        _skip_if_superseded(promoted, passed["version"])
        before = promoted["before"]["production"] or "none"
        self.log.info("Production is version %s, before it was %s", promoted["version"], before)
        return promoted

    def decision(self, result: dict[str, Any]) -> tuple[str, str, Section]:
        """The alias moved."""
        before = result["before"]["production"]
        reason = f"Version {result['version']} of {result['model']} is in production; before it was {before or 'none'}"
        return "promoted", reason, {"model": result["model"], "version": result["version"], "before": before}


class RestartApiServiceOperator(DriftgateOperator):
    """Makes the model API serve the promoted version; if it does not, puts the former one back and fails.

    :param model: the pipeline's section.
    :param connection: Airflow connection of the model API.
    :param timeout: how long the API may take until it answers with the new version, such as ``60s``.
    """

    template_fields = ("model",)
    operator_extra_links = (DecisionLink(),)
    decides = "service"

    def __init__(self, *, model: Section, connection: str = "model_api", timeout: str = "60s", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.connection = connection
        self.timeout = timeout

    def work(self, context: Context) -> dict[str, Any]:
        """Return the model, the version served, and the API's address."""
        from driftgate.services import release

        promoted = result_of(self, context, PromoteToProductionOperator.__name__)
        served = release.bring_into_service(
            tracking_uri(self.model["tracking"]),
            model_api(self.connection),
            promoted,
            parse_duration(self.timeout),
        )
        _skip_if_superseded(served, promoted["version"])
        return served

    def decision(self, result: dict[str, Any]) -> tuple[str, str, Section]:
        """The API answers with the version."""
        return "served", f"{result['url']} serves version {result['version']} of {result['model']}", result


class RollbackModelOperator(DriftgateOperator):
    """Brings an earlier version back into production and into service; skips when it is there already.

    :param model: the pipeline's section.
    :param version: the version to bring back (templated); the one that was in production before when not given.
    :param connection: Airflow connection of the model API.
    :param timeout: how long the API may take until it answers with that version, such as ``60s``.
    """

    template_fields = ("model", "version")
    operator_extra_links = (DecisionLink(),)
    decides = "rollback"

    def __init__(
        self,
        *,
        model: Section,
        version: str | None = None,
        connection: str = "model_api",
        timeout: str = "60s",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.version = version
        self.connection = connection
        self.timeout = timeout

    def work(self, context: Context) -> dict[str, Any]:
        """Return the model, the version served, the one withdrawn, and the API's address."""
        from driftgate.services.rollback import roll_back

        return roll_back(
            tracking_uri(self.model["tracking"]),
            model_api(self.connection),
            self.model["name"],
            self.version or None,
            parse_duration(self.timeout),
        )

    def decision(self, result: dict[str, Any]) -> tuple[str, str, Section]:
        """The version before is back."""
        from driftgate.services.rollback import instead_of

        reason = f"Version {result['version']} of {result['model']} is back in production{instead_of(result)}"
        return "rolled back", reason, result


def _skip_if_superseded(outcome: dict[str, Any], version: str) -> None:
    """A task of an old run, cleared, must not take a newer version out of production."""
    if newer := outcome["superseded_by"]:
        raise NothingToDo(f"version {newer} is in production and stays; version {version} is history")
