"""The JSON bodies of the model API: what comes in, what goes out, and how they are described in OpenAPI."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from driftgate.serving.models import ModelVersion
    from driftgate.serving.service import DriftHistory, DriftStatus, Performance, Predictions, Window

_MODEL = {"name": "ml_monitor", "version": "2"}
_ID = "AwAAAAJqO9zgP-gAAAAAAABhbXBsZSExMXJz4lM9sVQ"
_WINDOW = {"start": "2026-03-01T09:00:00+00:00", "end": "2026-03-02T09:41:07+00:00"}


def _example(**members: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [members]})


class PredictRequest(BaseModel):
    """Rows to predict on."""

    model_config = _example(rows=[{"mean radius": 17.9, "mean texture": 10.4}])

    rows: list[dict[str, Any]] = Field(
        min_length=1,
        description="Each row holds every feature of the model by name; null is a missing number. At most "
        "DRIFTGATE_MAX_ROWS rows.",
    )


class LabelItem(BaseModel):
    """What turned out to be true."""

    id: str = Field(max_length=512, description="The id of the prediction.")
    label: bool | int | float | str = Field(description="The class as the prediction writes it, or the true value.")


class FeedbackRequest(BaseModel):
    """Labels of predictions, in any order, however late."""

    model_config = _example(labels=[{"id": _ID, "label": 1}])

    labels: list[LabelItem] = Field(min_length=1, description="At most DRIFTGATE_MAX_ROWS.")


class FeedbackResponse(BaseModel):
    """All labels are stored."""

    model_config = _example(stored=1)

    stored: int = Field(description="Predictions that have a label by this request.")


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

    id: str = Field(description="Unique; names this prediction when its label is known: POST /feedback.")
    label: Any = Field(description="The class, or the value that a regressor predicts.")
    probabilities: dict[str, float] | None = Field(description="By class; null when the model gives none.")


class PredictResponse(BaseModel):
    """One prediction per row."""

    model_config = _example(
        model=_MODEL,
        predictions=[
            {
                "id": _ID,
                "label": 1,
                "probabilities": {"0": 0.03, "1": 0.97},
            }
        ],
    )

    model: Model
    predictions: list[PredictionItem]


class TimeWindow(BaseModel):
    """What was measured, from ``start`` (a full hour) to ``end`` (now)."""

    start: datetime
    end: datetime


class DriftResponse(BaseModel):
    """The drift of the production traffic against the training data of the model in service."""

    model_config = _example(
        psi=0.31,
        samples=1240,
        window=_WINDOW,
        model=_MODEL,
        features={"mean radius": 0.31, "mean texture": 0.04},
    )

    psi: float | None = Field(description="The largest PSI over all features; null without samples.")
    samples: int = Field(description="Rows predicted on by this version within the window.")
    window: TimeWindow
    model: Model
    features: dict[str, float] = Field(description="PSI by feature; empty without samples.")


class HistoryItem(BaseModel):
    """One hour or day with traffic."""

    start: datetime
    end: datetime
    psi: float | None
    samples: int
    features: dict[str, float]


class HistoryResponse(BaseModel):
    """The drift of each hour; of each day when the window is longer than seven days."""

    model_config = _example(
        window=_WINDOW,
        model=_MODEL,
        history=[
            {
                "start": "2026-03-01T09:00:00+00:00",
                "end": "2026-03-01T10:00:00+00:00",
                "psi": 0.04,
                "samples": 310,
                "features": {"mean radius": 0.04, "mean texture": 0.01},
            }
        ],
    )

    window: TimeWindow
    model: Model
    history: list[HistoryItem]


class PerformanceResponse(BaseModel):
    """How good the predictions made within the window were, as far as their labels have come."""

    model_config = _example(
        window=_WINDOW,
        model=_MODEL,
        samples=1240,
        labels=310,
        metrics={"accuracy": 0.96, "precision": 0.95, "recall": 0.98, "f1": 0.965, "roc_auc": 0.991},
    )

    window: TimeWindow
    model: Model
    samples: int = Field(description="Rows predicted on by this version within the window.")
    labels: int = Field(description="How many of them have a label.")
    metrics: dict[str, float] = Field(
        description="Two classes: accuracy, precision, recall, f1, and with probabilities brier, log_loss, roc_auc; "
        "more classes: accuracy, f1_macro; values: mae, rmse. Empty without labels."
    )


class ReloadResponse(BaseModel):
    """Which model is in service now."""

    model_config = _example(model=_MODEL)

    model: Model | None


class ServedResponse(BaseModel):
    """Which model is in service now, and why it is not another."""

    model_config = _example(model=_MODEL, notice=None)

    model: Model
    notice: str | None = Field(description="Why the version in production is not served, or null.")


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
    errors: list[dict[str, Any]] | None = Field(None, description="The first wrong values or labels.")


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
        "window": _window(status.window),
        "model": model_document(status.model),
        "features": status.drift.features,
    }


def history_document(found: DriftHistory) -> dict[str, Any]:
    """Return the body of a HistoryResponse."""
    parts = [{**_window(part), **vars(drift)} for part, drift in found.parts]
    return {"window": _window(found.window), "model": model_document(found.model), "history": parts}


def performance_document(found: Performance) -> dict[str, Any]:
    """Return the body of a PerformanceResponse."""
    return {
        "window": _window(found.window),
        "model": model_document(found.model),
        "samples": found.samples,
        "labels": found.labels,
        "metrics": found.metrics,
    }


def _window(window: Window) -> dict[str, str]:
    return {"start": _iso(window.start), "end": _iso(window.end)}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
