"""Whether a monitor would cry wolf: how often chance alone would raise drift into a band that acts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from driftgate.config import schemas
from driftgate.config.chisquare import chi_square_tail
from driftgate.config.draft import Draft, is_number, mapping
from driftgate.config.timing import rhythm_of
from driftgate.errors import Problem

# Without any drift, PSI is about (1/n + 1/m) times a chi-square variable with one degree less than there are bins,
# where n predictions are compared with m training rows. Features have ten bins.
_DEGREES = 9
_BANDS = ("minor", "moderate", "critical")
_QUIET = "log_status"  # the operator of a route that only takes note
_MOST_SAMPLES = 10_000_000


def check_alarms(draft: Draft) -> Iterator[Problem]:
    """Warn when chance alone raises an alarm more than once in a month, for one feature."""
    if draft.pipeline_data is None or not draft.with_operator("check_drift"):
        return
    psi, rows, rhythm = draft.section("psi"), _reference_rows(draft), rhythm_of(draft)
    band, samples = _band(draft), psi.get("min_samples", _default_samples())
    bound = psi.get(band)
    if not (is_number(bound) and bound > 0 and isinstance(samples, int) and samples > 0 and rhythm):
        return
    expected = _alarms(bound, samples, rows, rhythm.per_month, psi.get("aggregate") == "mean")
    if expected >= 1:
        about = f"{expected:.0f} false alarm{'s' * (expected >= 1.5)} a month for each feature"
        of_rows = f" and {rows:.0f} training rows" if math.isfinite(rows) else ""
        message = f"with {samples} predictions{of_rows}, chance alone takes PSI to psi.{band} ({bound}): about {about}"
        hint = _remedy(bound, rows, rhythm.per_month, band)
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


def _alarms(bound: float, samples: float, rows: float, runs: float, mean: bool) -> float:
    """Return the expected number of false alarms; the mean over features strays less, so only its centre counts."""
    scaled = bound / (1 / samples + 1 / rows)
    if mean:
        return runs if scaled <= _DEGREES else 0
    return runs * chi_square_tail(scaled, _DEGREES)


def _remedy(bound: float, rows: float, runs: float, band: str) -> str:
    low, high = 1, _MOST_SAMPLES
    if _alarms(bound, high, rows, runs, False) >= 1:
        return f"raise psi.{band}, or train on more rows: no number of predictions is enough"
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _alarms(bound, middle, rows, runs, False) < 1 else (middle + 1, high)
    digits = 10 ** max(0, len(str(low)) - 2)
    return f"write min_samples: {math.ceil(low / digits) * digits} or more, or raise psi.{band}"
