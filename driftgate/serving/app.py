"""The HTTP floor of the model API: endpoints translate between JSON and the service, nothing else."""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Query
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from driftgate import __version__
from driftgate.serving import problems
from driftgate.serving.documents import (
    DriftResponse,
    HealthResponse,
    PredictRequest,
    PredictResponse,
    ReloadRequest,
    ServedResponse,
    drift_document,
    model_document,
    predictions_document,
)
from driftgate.serving.errors import UnauthorizedError
from driftgate.serving.holder import ModelHolder
from driftgate.serving.registry import Registry
from driftgate.serving.service import ModelService
from driftgate.serving.store import CountStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from driftgate.serving.settings import Settings

_ABOUT = "Predictions of the model in production, and how far its traffic has drifted from its training data."
_NOT_ALLOWED = "The bearer token is absent or wrong."
_NO_MODEL = "No model is in service; the detail says why and what to do."

Credentials = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="The value of DRIFTGATE_API_TOKEN.")),
]


def create_app(settings: Settings) -> FastAPI:
    """Build the model API; it looks for its model once it runs.

    Raises UserMistake or Outage when the database of the counts cannot be used.
    """
    holder = ModelHolder(Registry(settings.mlflow_tracking_uri, settings.driftgate_model_name))
    store = CountStore.open(settings.store_url)
    # One thread: predictions are bound to the processor, and more of them at a time would only be slower.
    worker = ThreadPoolExecutor(1, "predict")
    app = FastAPI(
        title="Driftgate model API",
        version=__version__,
        description=_ABOUT,
        lifespan=_life(holder, store, worker),
    )
    problems.install(app)
    authorized = Depends(_authorization(settings.driftgate_api_token.get_secret_value()))
    guard = [authorized] if settings.driftgate_api_protect == "all" else []
    _add_predictions(app, ModelService(holder, store, settings.driftgate_drift_window), worker, guard)
    _add_reload(app, holder, authorized)
    _add_probes(app, holder)
    return app


def _life(holder: ModelHolder, store: CountStore, worker: ThreadPoolExecutor) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        holder.start()
        yield
        holder.stop()
        worker.shutdown()
        store.close()

    return life


def _add_predictions(app: FastAPI, service: ModelService, worker: ThreadPoolExecutor, guard: list[Any]) -> None:
    refused = {401: _NOT_ALLOWED} if guard else {}

    @app.post(
        "/predict",
        response_model=PredictResponse,
        dependencies=guard,
        responses=problems.described({**refused, 422: "A row does not fit the model's signature.", 503: _NO_MODEL}),
    )
    async def predict(body: PredictRequest) -> Response:
        """Predict on rows. They are counted into the drift statistics before the answer is given."""

        def answer() -> Response:
            return JSONResponse(predictions_document(service.predict(body.rows)))

        return await asyncio.get_running_loop().run_in_executor(worker, answer)

    @app.get(
        "/drift/status",
        response_model=DriftResponse,
        dependencies=guard,
        responses=problems.described({**refused, 422: "The window is not a duration.", 503: _NO_MODEL}),
    )
    def drift_status(
        window: Annotated[str | None, Query(description="How far back to look.", examples=["24h"])] = None,
    ) -> Response:
        """Say how far the traffic of the model in service has drifted from the data it was trained on."""
        return JSONResponse(drift_document(service.drift(window)))


def _authorization(token: str) -> Callable[..., None]:
    def authorized(credentials: Credentials) -> None:
        given = credentials.credentials if credentials else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise UnauthorizedError("Send the DRIFTGATE_API_TOKEN as 'Authorization: Bearer …'.")

    return authorized


def _add_reload(app: FastAPI, holder: ModelHolder, authorized: Any) -> None:
    @app.post(
        "/reload",
        response_model=ServedResponse,
        dependencies=[authorized],
        responses=problems.described(
            {
                401: _NOT_ALLOWED,
                409: "The alias names another version than the body; nothing was changed.",
                503: "MLflow does not answer or the version cannot be served; the old model stays in service.",
            }
        ),
    )
    def reload(body: ReloadRequest | None = None) -> Response:
        """Serve the version that the alias `production` names now; null when it names none."""
        model = holder.reload(body.version if body else None, body.model if body else None)
        return JSONResponse({"model": model_document(model.version) if model else None})


def _add_probes(app: FastAPI, holder: ModelHolder) -> None:
    @app.get("/health", response_model=HealthResponse)
    async def health() -> Response:
        """Answer while the process is alive."""
        return JSONResponse({"status": "alive"})

    @app.get("/ready", response_model=ServedResponse, responses=problems.described({503: _NO_MODEL}))
    async def ready() -> Response:
        """Answer once a model is in service."""
        return JSONResponse({"model": model_document(holder.require().version)})
