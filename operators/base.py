"""What all our operators share: errors that tell a mistake from an outage, and the way to upstream results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from driftgate.errors import DriftgateError, NothingToDo, Outage, UserMistake
from operators.ledger import Limits, record
from operators.places import nowhere

if TYPE_CHECKING:
    from airflow.sdk import Context

Section = dict[str, Any]  # one section of a pipeline file, its defaults filled in


class DriftgateOperator(BaseOperator):
    """An operator whose work may end in a DriftgateError.

    A mistake fails the task at once, for no retry can mend it; an outage is tried again. ``locate`` tells
    where in which file a value of the pipeline stands, ``path`` is the task's own there; ``driftgate.build`` sets
    them.
    """

    locate: Callable[..., str] = staticmethod(nowhere)
    path: tuple[str | int, ...] = ()
    decides: str = ""  # what its decisions are about (one of driftgate.services.ledger.KINDS); "": it makes none

    def execute(self, context: Context) -> Any:
        """Do the work; translate its errors into Airflow's, and keep what was decided in the ledger."""
        try:
            result = self.work(context)
        except DriftgateError as error:
            told = as_airflow(error, self.locate)
            self.log.log(logging.WARNING if isinstance(error, NothingToDo) else logging.ERROR, "%s", told)
            self._record_end(context, error, "skipped" if isinstance(error, NothingToDo) else "failed", str(told))
            raise told from None
        except (Exception, AirflowTaskTimeout) as error:  # the ledger hears of our bugs, too
            self._record_end(context, error, "failed", f"{type(error).__name__}: {error}")
            raise
        if self.decides:
            outcome, reason, inputs = self.decision(result)
            record(context, self, self.decides, outcome, reason, inputs, self.limits())
        return result

    def _record_end(self, context: Context, error: BaseException, outcome: str, reason: str) -> None:
        if self.decides and not _tried_again(error, context):
            record(context, self, self.decides, outcome, reason, limits=self.limits())

    def decision(self, result: Any) -> tuple[str, str, Mapping[str, Any]]:
        """Return what was decided, in a word, why, in a sentence, and on which numbers."""
        raise NotImplementedError

    def limits(self) -> Limits:
        """Return what decides: where each threshold stands in the pipeline, and its value."""
        return {}

    def work(self, context: Context) -> Any:
        """The one call into a service that this operator stands for."""
        raise NotImplementedError


def _tried_again(error: BaseException, context: Context) -> bool:
    is_final = isinstance(error, UserMistake | NothingToDo)
    return not is_final and context["ti"].try_number <= context["ti"].max_tries


def as_airflow(error: DriftgateError, locate: Callable[..., str] = nowhere) -> AirflowException:
    """Return the Airflow exception that makes Airflow fail at once (a mistake), try again (an outage) or skip."""
    if isinstance(error, NothingToDo):
        return AirflowSkipException(str(error))
    if not isinstance(error, UserMistake):
        return AirflowException(str(error))
    return AirflowFailException(f"{error} ({locate(*error.path)})" if error.path else str(error))


def result_of(operator: BaseOperator, context: Context, task_type: str) -> Any:
    """Return what the nearest task of class ``task_type`` upstream of ``operator`` returned in this run.

    Raises UserMistake when there is no such task or several are equally near, Outage when it left nothing (its
    XCom was cleared).
    """
    name = nearest(operator, task_type)
    found = context["ti"].xcom_pull(task_ids=name)
    if found is None:
        raise Outage(f"{name} left no result in this run; clear it to run it again")
    return found


def nearest(operator: BaseOperator, task_type: str) -> str:
    """Return the id of the nearest task of class ``task_type`` upstream of ``operator``; errors as in ``result_of``."""
    names = _nearest(operator, task_type)
    if len(names) != 1:
        found = f"has {' and '.join(sorted(names))} equally near" if names else "has none"
        raise UserMistake(f"{operator.task_id} needs one {task_type} task upstream and {found}")
    return names[0]


def _nearest(operator: BaseOperator, task_type: str) -> list[str]:
    level: list[Any] = [operator]
    seen = {operator.task_id}
    while level:
        level = [task for below in level for task in below.upstream_list if task.task_id not in seen]
        seen |= {task.task_id for task in level}
        if names := {task.task_id for task in level if task.task_type == task_type}:
            return sorted(names)
    return []
