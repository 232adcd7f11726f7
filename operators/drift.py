"""Ask how far live data has drifted, and choose what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.branch import BaseBranchOperator
from airflow.sdk.exceptions import AirflowFailException

from driftgate.errors import DriftgateError, UserMistake
from operators.base import DriftgateOperator, Section, as_airflow, nearest, result_of
from operators.connections import model_api
from operators.ledger import DecisionLink, Limits, record
from operators.memory import Memory, key_of
from operators.places import nowhere, place

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context


_HISTORY = "history"  # under which a check remembers what it has found


class CheckDriftOperator(DriftgateOperator):
    """Asks a model API for its PSI and judges it by the bands of the ``psi`` section.

    Works with any API that answers in JSON; the ``…_field`` parameters are dotted paths into that answer. No
    answer, or none that can be trusted, is severity ``unknown``, never "no drift".

    :param psi: the pipeline's section.
    :param connection: Airflow connection of the model API.
    :param endpoint: path of the drift report.
    :param window: how far back to look, such as ``24h``; by default the API decides.
    """

    template_fields = ("psi",)
    operator_extra_links = (DecisionLink(),)
    remembers = True
    decides = "drift"

    def __init__(
        self,
        *,
        psi: Section,
        connection: str = "model_api",
        endpoint: str = "/drift/status",
        window: str | None = None,
        psi_field: str = "psi",
        samples_field: str = "samples",
        features_field: str = "features",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("max_active_tis_per_dag", 1)  # runs side by side would lose what the other remembers
        super().__init__(**kwargs)
        self.psi = psi
        self.connection = connection
        self.endpoint = endpoint
        self.window = window
        self.psi_field = psi_field
        self.samples_field = samples_field
        self.features_field = features_field

    def work(self, context: Context) -> dict[str, Any]:
        """Return the drift as ``driftgate.services.drift.Drift.to_json`` gives it, when it was, and since when."""
        from driftgate.services import drift

        fields = drift.Fields(self.psi_field, self.samples_field, self.features_field)
        api, now = model_api(self.connection), datetime.now(UTC)
        found = drift.check(api, self.endpoint, self.window, self.psi, fields, now)
        memory = Memory(context, self.dag_id)
        found = replace(found, streak=self._streak(context, memory, found.severity))
        self.log.info(found.summary)
        for name in drift.strange_names(self.psi, found):
            self.log.warning("The model API tells of no feature %r (%s)", name, place(self.locate, "psi", "ignore"))
        since = memory.since(key_of(context, "severity"), found.severity)
        return {**found.to_json(), "at": now.isoformat(timespec="seconds"), "since": since}

    def decision(self, result: dict[str, Any]) -> tuple[str, str, Section]:
        """How severe the drift is."""
        return result["severity"], result["summary"], {k: v for k, v in result.items() if k != "summary"}

    def limits(self) -> Limits:
        """The bands."""
        names = ("minor", "moderate", "critical", "min_samples")
        return {("psi", name): self.psi[name] for name in names if name in self.psi}

    def _streak(self, context: Context, memory: Memory, severity: str) -> int:
        """Add what this run found to what earlier ones did; return how many in a row found the same."""
        from driftgate.services.drift import Seen, remember, streak

        run, key = context["dag_run"], key_of(context, _HISTORY)
        history = [Seen.from_json(stored) for stored in memory.get(key) or ()]
        new = Seen(run.run_after, run.run_id, severity)
        memory.set(key, [seen.to_json() for seen in remember(history, new)])
        return streak(history, new)


def drift_of(operator: Any, context: Context) -> dict[str, Any]:
    """Return what ``check_drift`` upstream found in this run."""
    found: dict[str, Any] = result_of(operator, context, CheckDriftOperator.__name__)
    return found


def overtaken(operator: Any, context: Context, found: Mapping[str, Any]) -> str:
    """Return the severity that a later run has found, if it is another than in ``found``; "" as long as that holds."""
    from driftgate.services.drift import Seen, overtaken

    check = nearest(operator, CheckDriftOperator.__name__)
    stored = Memory(context, operator.dag_id).get(f"{_HISTORY}/{check}") or ()
    later = overtaken([Seen.from_json(each) for each in stored], context["dag_run"].run_id, found["severity"])
    return later.severity if later else ""


class DecideActionOperator(BaseBranchOperator):
    """Follows the route of the severity that ``check_drift`` found; the other tasks are skipped.

    :param routes: severity → task id, for all five severities.
    :param psi: the pipeline's section; an ``unknown`` is acted upon once ``alert_after`` runs in a row found it.
    """

    template_fields = ("routes",)
    operator_extra_links = (DecisionLink(),)
    locate: Callable[..., str] = staticmethod(nowhere)
    path: tuple[str | int, ...] = ()

    def __init__(self, *, routes: dict[str, str], psi: Section, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.routes = routes
        self.psi = psi

    def choose_branch(self, context: Context) -> str | list[str]:
        """Return the id of the task to run; none while an unknown may yet pass."""
        try:
            drift = drift_of(self, context)
        except DriftgateError as error:
            raise as_airflow(error) from None
        from driftgate.services.drift import route

        severity, streak = drift["severity"], drift.get("streak", 1)
        chosen = route(self.routes, severity, streak, self.psi["alert_after"])
        if chosen is None:
            wait = self.psi["alert_after"]
            reason = f"Severity unknown in {streak} of the {wait} runs in a row that psi.alert_after waits for"
            self.log.warning("%s: no route is taken", reason)
            record(context, self, "route", "waits", reason, {"streak": streak}, {("psi", "alert_after"): wait})
            return []
        self.log.info("Severity %s: %s", severity, chosen)
        limits = {(*self.path, "routes", severity): chosen}
        record(context, self, "route", chosen, f"Severity {severity} leads to {chosen}", {"streak": streak}, limits)
        return chosen


class DriftMessageOperator(DriftgateOperator):
    """An operator whose templates may speak of ``drift``: ``{{ drift.psi }}``, ``{{ drift.summary }}`` …"""

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Render with the drift found upstream added to Airflow's own variables."""
        try:
            drift: Mapping[str, Any] = drift_of(self, context)
        except UserMistake:
            drift = {}  # a message that does not speak of drift needs none upstream
        except DriftgateError as error:
            raise as_airflow(error) from None
        with explained_templates(drift):
            super().render_template_fields({**context, "drift": drift}, jinja_env)  # type: ignore[typeddict-unknown-key]


@contextmanager
def explained_templates(drift: Mapping[str, Any]) -> Iterator[None]:
    """Fail at once, with what a template may speak of, when it speaks of something else."""
    import jinja2

    try:
        yield
    except jinja2.TemplateError as error:
        known = ", ".join(f"drift.{name}" for name in drift) or "no drift: there is no check_drift upstream"
        there_is = "" if "is undefined" in str(error.message) else f"; there is {known}"  # else it is about a field
        raise AirflowFailException(f"a template cannot be filled in: {error.message}{there_is}") from None


class LogStatusOperator(DriftMessageOperator):
    """Writes one line to the task's log.

    :param message: what to write (templated, knows ``drift``).
    :param level: info, warning or error.
    """

    template_fields = ("message",)

    def __init__(self, *, message: str, level: str = "info", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message
        self.level = level

    def work(self, context: Context) -> str:
        """Return the message, so that the grid shows it too."""
        self.log.log(logging.getLevelNamesMapping()[self.level.upper()], self.message)
        return self.message
