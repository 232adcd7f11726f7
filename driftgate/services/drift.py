"""How far live data has moved from the training data, and how severe that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from driftgate.errors import Outage, UserMistake
from driftgate.services.model_api import ModelApi

SEVERITIES = ("none", "minor", "moderate", "critical", "unknown")


@dataclass(frozen=True)
class Drift:
    """What is known about drift at one moment, as it travels from task to task.

    ``psi`` is None when no number can be trusted; ``reason`` then says why.
    """

    severity: str
    psi: float | None = None
    samples: int | None = None
    top_feature: str = ""
    features: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    version: str = ""
    window: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def summary(self) -> str:
        """One sentence for people."""
        if self.severity == "unknown":
            return f"Drift is unknown: {self.reason}"
        led = f", led by {self.top_feature}" if self.top_feature else ""
        over = f" over {self.samples} predictions" if self.samples is not None else ""
        of = f" of {self.model} version {self.version}" if self.version else ""
        return f"Drift{of} is {self.severity}: PSI {self.psi:.3f}{over}{led}"

    def to_json(self) -> dict[str, Any]:
        """The fields and the summary, as an XCom."""
        return {**asdict(self), "summary": self.summary}


def severity(psi: float | None, bands: Mapping[str, float]) -> str:
    """Return the band that a PSI falls into; anything but a finite number ≥ 0 is ``unknown``.

    ``critical`` itself is still moderate: retraining needs more than that.
    """
    if psi is None or not math.isfinite(psi) or psi < 0:
        return "unknown"
    if psi > bands["critical"]:
        return "critical"
    if psi >= bands["moderate"]:
        return "moderate"
    return "minor" if psi >= bands["minor"] else "none"


@dataclass(frozen=True)
class Fields:
    """Where an API's answer holds what we need, as dotted paths; only ``psi`` must be there."""

    psi: str = "psi"
    samples: str = "samples"
    features: str = "features"


def check(api: ModelApi, endpoint: str, window: str | None, section: Mapping[str, Any], fields: Fields) -> Drift:
    """Ask the API and judge its answer by the ``psi`` section; an outage or nonsense is ``unknown``."""
    try:
        answer = api.get(endpoint, **({"window": window} if window else {}))
    except (Outage, UserMistake) as error:
        return Drift("unknown", reason=str(error))
    return assess(answer, section, fields)


def assess(answer: Any, section: Mapping[str, Any], fields: Fields = Fields()) -> Drift:
    """Judge one answer of ``/drift/status`` by the ``psi`` section of a pipeline."""
    features = _numbers(dig(answer, fields.features))
    psi = _aggregate(section["aggregate"], features, _number(dig(answer, fields.psi)))
    samples = _number(dig(answer, fields.samples))
    reason = _doubt(psi, samples, section["min_samples"], fields)
    return Drift(
        severity="unknown" if reason else severity(psi, section),
        psi=_finite(psi, digits=6),
        samples=None if samples is None or not math.isfinite(samples) else int(samples),
        top_feature=max(features, key=lambda name: features[name]) if features else "",
        features=features,
        model=_text(dig(answer, "model.name")),
        version=_text(dig(answer, "model.version")),
        window={key: _text(value) for key, value in (_mapping(dig(answer, "window"))).items()},
        reason=reason,
    )


def _doubt(psi: float | None, samples: float | None, least: int, fields: Fields) -> str:
    """Why the PSI cannot be trusted; empty when it can."""
    if samples is not None and not samples >= least:  # NaN is not either
        return f"{samples:.12g} predictions in the window, at least {least} needed (psi.min_samples)"
    if samples == math.inf:
        return f"{samples} is not a number of predictions"
    if psi is None:
        return f"the answer holds no number at {fields.psi!r}"
    return "" if math.isfinite(psi) and psi >= 0 else f"{psi} is not a PSI"


def _aggregate(how: str, features: Mapping[str, float], psi: float | None) -> float | None:
    """The PSI of the whole: the API's own, unless the mean over features is asked for."""
    if how == "mean" and features:
        return sum(features.values()) / len(features)
    return psi if psi is not None else max(features.values(), default=None)


def dig(answer: Any, path: str) -> Any:
    """Return what lies at a dotted path in nested mappings, or None."""
    for key in path.split("."):
        if not isinstance(answer, Mapping) or key not in answer:
            return None
        answer = answer[key]
    return answer


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf if value > 0 else -math.inf


def _finite(value: float | None, digits: int) -> float | None:
    """What JSON can hold, rounded; None for the rest."""
    return round(value, digits) if value is not None and math.isfinite(value) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _numbers(value: Any) -> dict[str, float]:
    found = {str(name): _number(psi) for name, psi in _mapping(value).items()}
    return {name: psi for name, psi in found.items() if psi is not None and math.isfinite(psi)}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
