"""The HTTP floor of the model API: endpoints translate between JSON and the service, nothing else."""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Query
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from driftgate import __version__
from driftgate.errors import Outage
from driftgate.serving import documents as d
from driftgate.serving import problems
from driftgate.serving.errors import StoreError, UnauthorizedError
from driftgate.serving.feedback import FeedbackStore, Label
from driftgate.serving.gate import Gate
from driftgate.serving.holder import ModelHolder
from driftgate.serving.metrics import Metrics
from driftgate.serving.predictionid import Ids
from driftgate.serving.registry import Registry
from driftgate.serving.service import Limits, ModelService
from driftgate.serving.store import CountStore
from driftgate.serving.tally import Tally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from driftgate.serving.settings import Settings

_ABOUT = "Predictions of the model in production, and how far its traffic has drifted from its training data."
_NOT_ALLOWED = "The bearer token is absent or wrong."
_NO_MODEL = "No model is in service, or the database does not answer; the detail says why and what to do."
_NO_JSON = "The body cannot be read as JSON."
_TOO_LARGE = "The body is too large, or has too many items."
_TEXT = "text/plain; version=0.0.4"
_WRONG_WINDOW = "The window is not a duration."

Credentials = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="The value of DRIFTGATE_API_TOKEN.")),
]
Window = Annotated[str | None, Query(description="How far back to look.", examples=["24h"])]
Version = Annotated[str | None, Query(description="Another version than the one in service.", max_length=32)]


@dataclass(frozen=True)
class Parts:
    """What the endpoints share."""

    holder: ModelHolder
    tally: Tally
    service: ModelService
    metrics: Metrics
    authorized: Any
    protect_all: bool

    @property
    def guard(self) -> list[Any]:
        return [self.authorized] if self.protect_all else []

    def problems(self, reasons: Mapping[int, str]) -> problems.Responses:
        return problems.described({**({401: _NOT_ALLOWED} if self.protect_all else {}), **reasons})


def create_app(settings: Settings) -> FastAPI:
    """Build the model API; it looks for its model once it runs.

    Raises UserMistake or Outage when the database of the counts cannot be used.
    """
    store = CountStore.open(settings.store_url)
    parts = _parts(settings, store)
    # One thread: predictions are bound to the processor, and more of them at a time would only be slower.
    worker = ThreadPoolExecutor(1, "predict")
    app = FastAPI(
        title="Driftgate model API",
        version=__version__,
        description=_ABOUT,
        lifespan=_life(parts, store, worker),
    )
    problems.install(app)
    app.add_middleware(Gate, max_bytes=settings.driftgate_max_body_mb * 1_000_000, metrics=parts.metrics)
    _add_predictions(app, parts, worker)
    _add_feedback(app, parts)
    _add_drift(app, parts)
    _add_reload(app, parts)
    _add_probes(app, parts)
    return app


def _parts(settings: Settings, store: CountStore) -> Parts:
    name, keep, poll = settings.driftgate_model_name, settings.driftgate_keep, settings.driftgate_poll
    holder = ModelHolder(Registry(settings.mlflow_tracking_uri, name), poll.total_seconds() if poll else None)
    tally = Tally(store, keep.total_seconds())
    try:
        ids = Ids(store.secret("predictions"), name)
    except StoreError as error:
        raise Outage(str(error)) from error
    limits = Limits(settings.driftgate_max_rows, settings.driftgate_drift_window, keep)
    return Parts(
        holder=holder,
        tally=tally,
        service=ModelService(holder, store, tally, FeedbackStore(store.engine, ids), ids, limits),
        metrics=Metrics(holder, tally),
        authorized=Depends(_authorization(settings.driftgate_api_token.get_secret_value())),
        protect_all=settings.driftgate_api_protect == "all",
    )


def _life(parts: Parts, store: CountStore, worker: ThreadPoolExecutor) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        parts.holder.start()
        parts.tally.start()
        yield
        parts.holder.stop()
        worker.shutdown()
        parts.tally.stop()
        store.close()

    return life


def _add_predictions(app: FastAPI, parts: Parts, worker: ThreadPoolExecutor) -> None:
    @app.post(
        "/predict",
        response_model=d.PredictResponse,
        dependencies=parts.guard,
        responses=parts.problems(
            {400: _NO_JSON, 413: _TOO_LARGE, 422: "A row does not fit the model's signature.", 503: _NO_MODEL}
        ),
    )
    async def predict(body: d.PredictRequest) -> Response:
        """Predict on rows. They are counted into the drift statistics, which the database has within a second."""

        def answer() -> Response:
            made = parts.service.predict(body.rows)
            parts.metrics.predicted(made.model.name, made.model.version, len(body.rows))
            return JSONResponse(d.predictions_document(made))

        if parts.service.quick(len(body.rows)):
            return answer()
        return await asyncio.get_running_loop().run_in_executor(worker, answer)


def _add_feedback(app: FastAPI, parts: Parts) -> None:
    @app.post(
        "/feedback",
        response_model=d.FeedbackResponse,
        dependencies=[parts.authorized],
        responses=problems.described(
            {
                400: _NO_JSON,
                401: _NOT_ALLOWED,
                413: _TOO_LARGE,
                422: "A label is not of a prediction, or says nothing of it; nothing was stored.",
                503: "The database does not answer.",
            }
        ),
    )
    def feedback(body: d.FeedbackRequest) -> Response:
        """Take labels of predictions, late and in any order; a second label of a prediction replaces the first."""
        stored = parts.service.learn([Label(item.id, item.label) for item in body.labels])
        return JSONResponse({"stored": stored})

    @app.get(
        "/performance",
        response_model=d.PerformanceResponse,
        dependencies=parts.guard,
        responses=parts.problems({422: _WRONG_WINDOW, 503: _NO_MODEL}),
    )
    def performance(window: Window = None, version: Version = None) -> Response:
        """Say how good the predictions were that were made within the window, as far as their labels have come."""
        return JSONResponse(d.performance_document(parts.service.performance(window, version)))


def _add_drift(app: FastAPI, parts: Parts) -> None:
    answers = parts.problems({422: _WRONG_WINDOW, 503: _NO_MODEL})

    @app.get("/drift/status", response_model=d.DriftResponse, dependencies=parts.guard, responses=answers)
    def drift_status(window: Window = None) -> Response:
        """Say how far the traffic of the model in service has drifted from the data it was trained on."""
        return JSONResponse(d.drift_document(parts.service.drift(window)))

    @app.get("/drift/history", response_model=d.HistoryResponse, dependencies=parts.guard, responses=answers)
    def drift_history(window: Window = None) -> Response:
        """Say the same hour by hour; day by day when the window is longer than seven days."""
        return JSONResponse(d.history_document(parts.service.history(window)))


def _authorization(token: str) -> Callable[..., None]:
    def authorized(credentials: Credentials) -> None:
        given = credentials.credentials if credentials else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise UnauthorizedError("Send the DRIFTGATE_API_TOKEN as 'Authorization: Bearer …'.")

    return authorized


def _add_reload(app: FastAPI, parts: Parts) -> None:
    @app.post(
        "/reload",
        response_model=d.ReloadResponse,
        dependencies=[parts.authorized],
        responses=problems.described(
            {
                400: _NO_JSON,
                401: _NOT_ALLOWED,
                409: "The alias names another version than the body; nothing was changed.",
                413: _TOO_LARGE,
                503: "MLflow does not answer or the version cannot be served; the old model stays in service.",
            }
        ),
    )
    def reload(body: d.ReloadRequest | None = None) -> Response:
        """Serve the version that the alias `production` names now; null when it names none."""
        model = parts.holder.reload(body.version if body else None, body.model if body else None)
        return JSONResponse({"model": d.model_document(model.version) if model else None})


def _add_probes(app: FastAPI, parts: Parts) -> None:
    @app.get("/health", response_model=d.HealthResponse)
    async def health() -> Response:
        """Answer while the process is alive."""
        return JSONResponse({"status": "alive"})

    @app.get("/ready", response_model=d.ServedResponse, responses=problems.described({503: _NO_MODEL}))
    async def ready() -> Response:
        """Answer once a model is in service."""
        model = parts.holder.require()
        return JSONResponse({"model": d.model_document(model.version), "notice": parts.holder.notice})

    @app.get(
        "/metrics",
        dependencies=parts.guard,
        response_class=Response,
        responses={**parts.problems({}), 200: {"description": "Prometheus's text format.", "content": {_TEXT: {}}}},
    )
    def metrics() -> Response:
        """Tell Prometheus of requests, predictions, the model in service and counts that wait for the database."""
        return Response(parts.metrics.text(), media_type=_TEXT)
