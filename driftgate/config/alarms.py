"""Whether a monitor would cry wolf: how often chance alone would raise drift into a band that acts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from driftgate.config import schemas
from driftgate.config.chisquare import chi_square_tail
from driftgate.config.draft import Draft, is_number, mapping, sequence
from driftgate.config.timing import rhythm_of
from driftgate.errors import Problem

# Without any drift, PSI is about (1/n + 1/m) times a chi-square variable with one degree less than there are bins,
# where n predictions are compared with m training rows. Features have ten bins.
_DEGREES = 9
_BANDS = ("minor", "moderate", "critical")
_QUIET = "log_status"  # the operator of a route that only takes note
_MOST_SAMPLES = 10_000_000


def check_alarms(draft: Draft) -> Iterator[Problem]:
    """Warn when chance alone raises an alarm more than once in a month, over the features that are known."""
    if draft.pipeline_data is None or not draft.with_operator("check_drift"):
        return
    psi, rows, rhythm = draft.section("psi"), _reference_rows(draft), rhythm_of(draft)
    band, samples = _band(draft), psi.get("min_samples", _default_samples())
    bound = psi.get(band)
    if not (is_number(bound) and bound > 0 and isinstance(samples, int) and samples > 0 and rhythm):
        return
    features, mean = _features(draft), psi.get("aggregate") == "mean"
    odds = _Odds(rows, rhythm.per_month, max(features, 1))
    expected = odds.of_mean(bound, samples) if mean else odds.of_any(bound, samples)
    if expected >= 1:
        over = f"over {features} features" if features > 1 and not mean else "for each feature"
        about = f"{expected:.0f} false alarm{'s' * (expected >= 1.5)} a month {over}"
        of_rows = f" and {rows:.0f} training rows" if math.isfinite(rows) else ""
        message = f"with {samples} predictions{of_rows}, chance alone takes PSI to psi.{band} ({bound}): about {about}"
        hint = _remedy(bound, odds, band)
        at = ("psi", "min_samples") if "min_samples" in psi else ("psi", band)
        yield draft.layers.problem(at, "false-alarms", message, hint, severity="warning")


def _default_samples() -> Any:
    return schemas.envelope()["properties"]["psi"]["properties"]["min_samples"]["default"]


def _band(draft: Draft) -> str:
    """Return the least band whose route does more than take note."""
    for decision in draft.with_operator("decide_action"):
        routes = {said.path[-1]: said.target for said in draft.tree.spoken_by[decision.id] if said.after}
        targets = [(band, draft.tree.nodes.get(routes.get(band) or "")) for band in _BANDS]
        acting = [band for band, node in targets if node and node.operator != _QUIET]
        return acting[0] if acting else _BANDS[-1]
    return "moderate"


def _reference_rows(draft: Draft) -> float:
    """Return how many rows the retraining pipeline's data have at least; infinite if it does not say."""
    for node in draft.with_operator("trigger_retraining"):
        name = node.data.get("pipeline")
        if isinstance(name, str) and draft.pipeline_data:
            rows = mapping(draft.pipeline_data(name).get("quality")).get("min_rows")
            if isinstance(rows, int) and rows > 0:
                return rows
    return math.inf


def _features(draft: Draft) -> int:
    """Return how many features are known by name: from the columns of the retraining's data, and the bands of psi.

    There may be more; 0 if none is named.
    """
    psi = draft.section("psi")
    named = set(mapping(psi.get("features")))
    for node in draft.with_operator("trigger_retraining"):
        name = node.data.get("pipeline")
        data = draft.pipeline_data(name) if isinstance(name, str) and draft.pipeline_data else {}
        columns = mapping(mapping(data.get("quality")).get("columns"))
        target = mapping(data.get("dataset")).get("target")
        named |= {column for column in columns if column != target}
    return len(named - set(filter(_is_text, sequence(psi.get("ignore")))))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


@dataclass(frozen=True)
class _Odds:
    """What chance does in a month: ``runs`` checks of ``features`` independent ones against ``rows`` training rows."""

    rows: float
    runs: float
    features: int

    def of_any(self, bound: float, samples: float) -> float:
        """Return in how many runs at least one feature strays beyond ``bound``."""
        alone = chi_square_tail(self._scaled(bound, samples), _DEGREES)
        return self.runs * -math.expm1(self.features * math.log1p(-min(alone, 1 - 1e-12)))

    def of_mean(self, bound: float, samples: float) -> float:
        """Return the same of their mean, which strays less, so that only its centre counts."""
        return self.runs if self._scaled(bound, samples) <= _DEGREES else 0

    def _scaled(self, bound: float, samples: float) -> float:
        return bound / (1 / samples + 1 / self.rows)


def _remedy(bound: float, odds: _Odds, band: str) -> str:
    low, high = 1, _MOST_SAMPLES
    if odds.of_any(bound, high) >= 1:
        return f"raise psi.{band}, or train on more rows: no number of predictions is enough"
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if odds.of_any(bound, middle) < 1 else (middle + 1, high)
    digits = 10 ** max(0, len(str(low)) - 2)
    return f"write min_samples: {math.ceil(low / digits) * digits} or more, or raise psi.{band}"
