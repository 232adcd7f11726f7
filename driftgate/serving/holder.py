"""The one place that knows which model is in service, and swaps it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from driftgate.serving.errors import LoadError, NoModelError, VersionConflictError
from driftgate.serving.registry import ALIAS

if TYPE_CHECKING:
    from driftgate.serving.models import ModelVersion, ServedModel
    from driftgate.serving.registry import Registry

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0

log = logging.getLogger(__name__)


class ModelHolder:
    """Serves the version that the alias names; a version that fails to load leaves the old one in service.

    Readers take ``current`` once and use that: a swap is one assignment and never seen halfway. ``notice`` says why
    another version than the one in production is served, None when all is well. With ``poll`` the alias is looked at
    every so many seconds.
    """

    def __init__(self, registry: Registry, poll: float | None = None) -> None:
        self._registry, self._poll = registry, poll
        self._one_at_a_time = threading.Lock()
        self._settled, self._ended = threading.Event(), threading.Event()
        self._why_none = "The model in production is still being loaded: try again in a moment."
        self.current: ServedModel | None = None
        self.notice: str | None = None
        self.failures = 0

    def require(self) -> ServedModel:
        """Return the model in service; raises NoModelError saying why there is none and what to do."""
        model = self.current
        if model is None:
            raise NoModelError(self._why_none)
        return model

    def reload(self, expected: str | None = None, name: str | None = None) -> ServedModel | None:
        """Serve what the alias names now, None when it names nothing.

        Raises VersionConflictError when that is not the version ``expected`` of model ``name``, LoadError when
        MLflow does not answer or the version cannot be served; both leave everything as it was.
        """
        if name not in (None, self._registry.model_name):
            raise VersionConflictError(
                f"This API serves model {self._registry.model_name!r}, not {name!r}: "
                "set DRIFTGATE_MODEL_NAME where it runs, or model.name in the pipeline."
            )
        with self._one_at_a_time:
            try:
                version = self._registry.production()
                _check_expected(version, expected)
                self.current = self._in_service(version)
            except LoadError as error:
                self._complain(str(error))
                raise
            self.notice = None
            self._settled.set()
            return self.current

    def start(self) -> None:
        """Look for the model in production in the background, until it is served or a reload was made.

        With ``poll``, go on looking.
        """
        threading.Thread(target=self._watch, name="alias", daemon=True).start()

    def stop(self) -> None:
        self._settled.set()
        self._ended.set()

    def _in_service(self, version: ModelVersion | None) -> ServedModel | None:
        if version is None:
            if (why := _nothing_in_production(self._registry.model_name)) != self._why_none:
                log.info(why)
            self._why_none = why
            return None
        if self.current is not None and self.current.version == version:
            return self.current
        model = self._registry.load(version)
        log.info("Serving %s.", version)
        return model

    def _watch(self) -> None:
        self._keep_trying()
        while self._poll and not self._ended.wait(self._poll):
            self._look()

    def _look(self) -> None:
        """Follow the alias to another version; where it is gone, the model in service stays until a reload."""
        with self._one_at_a_time:
            try:
                version = self._registry.production()
                if version is None and self.current is not None:
                    raise LoadError(f"The alias {ALIAS!r} is gone; POST /reload takes the model out of service.")
                self.current = self._in_service(version)
            except LoadError as error:
                self._complain(str(error))
            else:
                self.notice = None

    def _keep_trying(self) -> None:
        pause = FIRST_PAUSE
        while not self._settled.is_set():
            self._try_once()
            self._settled.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _try_once(self) -> None:
        with self._one_at_a_time:
            if self._settled.is_set():
                return
            try:
                self.current = self._in_service(self._registry.production())
            except LoadError as error:
                self._complain(str(error))
        if self.current is not None:
            self.notice = None
            self._settled.set()

    def _complain(self, reason: str) -> None:
        self.failures += 1
        served = f" {_capital(str(self.current.version))} stays in service." if self.current else ""
        if (told := f"{reason.rstrip('.')}.{served}") != self.notice:
            log.warning(told)
        self.notice = told
        if self.current is None:
            self._why_none = reason


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _check_expected(version: ModelVersion | None, expected: str | None) -> None:
    found = version.version if version else None
    if expected is None or found == expected:
        return
    named = f"version {found}" if found else "no version"
    raise VersionConflictError(
        f"The alias {ALIAS!r} names {named}, not version {expected}: set the alias first, then reload."
    )


def _nothing_in_production(name: str) -> str:
    return (
        f"No model is in production yet: no version of {name!r} has the alias {ALIAS!r} in MLflow. "
        "Run the model_retraining pipeline; it puts a model there once it passes its gate."
    )
