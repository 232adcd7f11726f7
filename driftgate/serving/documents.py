"""The JSON bodies of the model API: what comes in, what goes out, and how they are described in OpenAPI."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from driftgate.serving.models import ModelVersion
    from driftgate.serving.service import DriftStatus, Predictions

MAX_ROWS = 10_000

_MODEL = {"name": "ml_monitor", "version": "2"}


def _example(**members: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [members]})


class PredictRequest(BaseModel):
    """Rows to predict on."""

    model_config = _example(rows=[{"mean radius": 17.9, "mean texture": 10.4}])

    rows: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MAX_ROWS,
        description="Each row holds every feature of the model by name; null is a missing number.",
    )


class ReloadRequest(BaseModel):
    """What the caller expects the alias to name."""

    model_config = ConfigDict(
        coerce_numbers_to_str=True, json_schema_extra={"examples": [{"model": "ml_monitor", "version": "2"}]}
    )

    model: str | None = Field(None, description="Change nothing unless this is the model that the API serves.")
    version: str | None = Field(None, description="Change nothing unless the alias names this version.")


class Model(BaseModel):
    """The model that answered."""

    name: str
    version: str


class PredictionItem(BaseModel):
    """The answer for one row, in the order of the rows."""

    id: str = Field(description="Unique; names this prediction later.")
    label: Any = Field(description="The class, or the value that a regressor predicts.")
    probabilities: dict[str, float] | None = Field(description="By class; null when the model gives none.")


class PredictResponse(BaseModel):
    """One prediction per row."""

    model_config = _example(
        model=_MODEL,
        predictions=[
            {
                "id": "6f2c1c9e-8f0d-4a43-9b53-0d8f1f9c2b11",
                "label": 1,
                "probabilities": {"0": 0.03, "1": 0.97},
            }
        ],
    )

    model: Model
    predictions: list[PredictionItem]


class Window(BaseModel):
    """What was measured, from ``start`` (a full hour) to ``end`` (now)."""

    start: datetime
    end: datetime


class DriftResponse(BaseModel):
    """The drift of the production traffic against the training data of the model in service."""

    model_config = _example(
        psi=0.31,
        samples=1240,
        window={"start": "2026-03-01T09:00:00+00:00", "end": "2026-03-02T09:41:07+00:00"},
        model=_MODEL,
        features={"mean radius": 0.31, "mean texture": 0.04},
    )

    psi: float | None = Field(description="The largest PSI over all features; null without samples.")
    samples: int = Field(description="Rows predicted on by this version within the window.")
    window: Window
    model: Model
    features: dict[str, float] = Field(description="PSI by feature; empty without samples.")


class ServedResponse(BaseModel):
    """Which model is in service now."""

    model_config = _example(model=_MODEL)

    model: Model | None


class HealthResponse(BaseModel):
    """The process is alive."""

    model_config = _example(status="alive")

    status: str


class Problem(BaseModel):
    """What went wrong, after RFC 9457."""

    model_config = _example(
        type="about:blank",
        title="Unprocessable Entity",
        status=422,
        detail="Row 0: feature 'mean radius' is missing.",
        errors=[{"row": 0, "feature": "mean radius", "message": "is missing"}],
    )

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(None, description="For /predict, the first wrong values.")


def model_document(version: ModelVersion) -> dict[str, str]:
    return {"name": version.name, "version": version.version}


def predictions_document(made: Predictions) -> dict[str, Any]:
    """Return the body of a PredictResponse."""
    items = [{"id": key, **vars(prediction)} for key, prediction in made.items.items()]
    return {"model": model_document(made.model), "predictions": items}


def drift_document(status: DriftStatus) -> dict[str, Any]:
    """Return the body of a DriftResponse."""
    return {
        "psi": status.drift.psi,
        "samples": status.drift.samples,
        "window": {"start": _iso(status.start), "end": _iso(status.end)},
        "model": model_document(status.model),
        "features": status.drift.features,
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
