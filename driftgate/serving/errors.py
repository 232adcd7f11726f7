"""What the model API refuses or cannot do, each with its HTTP status; rendered as RFC 9457 problems."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from driftgate.errors import DriftgateError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FAULTS_SHOWN = 20


class ApiError(DriftgateError):
    """The message is for the caller: what happened and what to do next."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def extension(self) -> dict[str, Any]:
        """Return the members that this problem has beyond those of the RFC."""
        return {}


class UnauthorizedError(ApiError):
    """The bearer token is absent or wrong."""

    status = HTTPStatus.UNAUTHORIZED


class VersionConflictError(ApiError):
    """The alias names another version than the caller expects; nothing was changed."""

    status = HTTPStatus.CONFLICT


class InvalidQueryError(ApiError):
    """A query parameter cannot be understood."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooLargeError(ApiError):
    """More rows or labels than one request may hold."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class NoModelError(ApiError):
    """No model is being served."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class LoadError(ApiError):
    """MLflow did not answer, or the model it names cannot be served."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class StoreError(ApiError):
    """The database did not take or give counts or labels."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True)
class Fault:
    """One wrong value; ``row`` counts from 0."""

    row: int
    feature: str
    message: str


class InvalidInputError(ApiError):
    """Rows that do not fit the signature of the model."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        others = f" ({len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        super().__init__(f"Row {first.row}: feature {first.feature!r} {first.message}.{others}")

    def extension(self) -> dict[str, Any]:
        return {"errors": [asdict(fault) for fault in self.faults[:MAX_FAULTS_SHOWN]]}


class InvalidIdError(ValueError):
    """A text that is not the id of a prediction."""


@dataclass(frozen=True)
class LabelFault:
    """One label that cannot be stored; ``item`` counts from 0."""

    item: int
    id: str
    message: str


class InvalidLabelsError(ApiError):
    """Labels of predictions that nobody made, or that say nothing of them."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, faults: Sequence[LabelFault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        others = f" ({len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        super().__init__(f"Label {first.item}: {first.id!r} {first.message}.{others} Nothing was stored.")

    def extension(self) -> dict[str, Any]:
        return {"errors": [asdict(fault) for fault in self.faults[:MAX_FAULTS_SHOWN]]}


def problem(status: int, detail: str, **extension: Any) -> dict[str, Any]:
    """Return the members of an RFC 9457 problem."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": int(status), "detail": detail, **extension}
