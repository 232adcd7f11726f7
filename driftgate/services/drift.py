"""How far live data has moved from the training data, and how severe that is."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from operator import attrgetter
from typing import Any, NamedTuple

from driftgate.durations import format_duration, parse_duration
from driftgate.errors import Outage, UserMistake, printable
from driftgate.services.model_api import ModelApi

BANDS = ("minor", "moderate", "critical")
SEVERITIES = ("none", *BANDS, "unknown")
CLOCK_SKEW = timedelta(minutes=5)
LARGEST_PSI = 1_000  # shares down to one in 10,000 give 20 or so; what is beyond is no PSI
_MOST_SAMPLES = 2**53  # what JSON holds exactly everywhere
_MOST_FEATURES = 1_000  # that are told of; all are judged
_MOST_TIMES = 10  # in the window of an answer
_LONGEST_TEXT = 200  # characters of a name or a time in an answer
REMEMBERED = 100  # runs in the history of a monitor


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
    streak: int = 1  # how many runs in a row, this one included, found this severity

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


def check(
    api: ModelApi, endpoint: str, window: str | None, section: Mapping[str, Any], fields: Fields, now: datetime
) -> Drift:
    """Ask the API and judge its answer by the ``psi`` section; an outage or nonsense is ``unknown``."""
    try:
        answer = api.get(endpoint, **({"window": window} if window else {}))
    except (Outage, UserMistake) as error:
        return Drift("unknown", reason=str(error))
    return assess(answer, section, fields, now)


def assess(answer: Any, section: Mapping[str, Any], fields: Fields, now: datetime) -> Drift:
    """Judge one answer of ``/drift/status`` by the ``psi`` section of a pipeline."""
    return judge(measure(answer, section, fields, now), section)


class Measured(NamedTuple):
    """An answer before it is judged."""

    drift: Drift  # unknown as long as nobody has judged it; with a reason, for good
    psi: float | None  # of all features together, in full


def judge(measured: Measured, section: Mapping[str, Any]) -> Drift:
    """Say how severe a drift is, by the bands of a ``psi`` section."""
    drift = measured.drift
    return drift if drift.reason else replace(drift, severity=severity(measured.psi, section))


def measure(answer: Any, section: Mapping[str, Any], fields: Fields, now: datetime) -> Measured:
    """Take from an answer what a ``psi`` section asks for; of its bands only those of single features count here."""
    features = _numbers(dig(answer, fields.features))
    judged = {name: psi for name, psi in features.items() if name not in section["ignore"]}
    own = section["features"]
    scaled = {name: on_common_scale(psi, own[name], section) if name in own else psi for name, psi in judged.items()}
    told = dig(answer, fields.psi, _ABSENT)
    psi = _aggregate(section, scaled, max(scaled.values(), default=None) if told is _ABSENT else _number(told))
    samples = _number(dig(answer, fields.samples))
    window = {_text(key): _text(value) for key, value in islice(_mapping(dig(answer, "window")).items(), _MOST_TIMES)}
    reason = (
        _no_number(dig(answer, fields.samples), samples, fields)
        or _doubt(psi, samples, section["min_samples"], fields)
        or _missing(dig(answer, fields.features), judged, section, fields)
        or _stale(window.get("end", ""), parse_duration(section["stale_after"]), now)
    )
    drift = Drift(
        severity="unknown",
        psi=round(psi, 6) if psi is not None and abs(psi) <= LARGEST_PSI else None,
        samples=int(samples) if samples is not None and abs(samples) <= _MOST_SAMPLES else None,
        top_feature=max(scaled, key=scaled.__getitem__) if scaled else "",
        features=_largest(features),
        model=_text(dig(answer, "model.name")),
        version=_text(dig(answer, "model.version")),
        window=window,
        reason=reason,
    )
    return Measured(drift, psi)


def _no_number(told: Any, samples: float | None, fields: Fields) -> str:
    """Why the number of predictions says nothing; empty when it is one, or is not told."""
    return "" if told is None or samples is not None else f"the answer holds no number at {fields.samples!r}"


def _doubt(psi: float | None, samples: float | None, least: int, fields: Fields) -> str:
    """Why the PSI cannot be trusted; empty when it can."""
    if samples is None and fields.samples != Fields.samples:
        return f"the answer holds no number of predictions at {fields.samples!r}"
    if samples is not None and not samples >= least:  # NaN is not either
        return f"{samples:.12g} predictions in the window, at least {least} needed (psi.min_samples)"
    if samples is not None and samples > _MOST_SAMPLES:
        return f"{samples:.6g} is not a number of predictions"
    if psi is None:
        return f"the answer holds no number at {fields.psi!r}"
    return "" if 0 <= psi <= LARGEST_PSI else f"{psi:.6g} is not a PSI"


def _missing(told: Any, judged: Mapping[str, float], section: Mapping[str, Any], fields: Fields) -> str:
    """Why the features that the answer tells of are not enough; empty when they are."""
    if not _needs_features(section):
        return ""
    if not judged:
        return f"the answer tells of no feature to judge at {fields.features!r}"
    lost = [name for name in section["features"] if name not in judged]
    broken = [str(name) for name in _mapping(told) if str(name) not in judged and str(name) not in section["ignore"]]
    names = printable(", ".join(sorted({*lost, *broken})[:5]))
    return f"the answer holds no PSI for {names}" if names else ""


def strange_names(section: Mapping[str, Any], drift: Drift) -> list[str]:
    """Return the names in ``psi.ignore`` that the answer does not know: a slip, with which nothing is ignored."""
    if not drift.features or len(drift.features) >= _MOST_FEATURES:  # not all are told
        return []
    return [name for name in section["ignore"] if name not in drift.features]


def _needs_features(section: Mapping[str, Any]) -> bool:
    return bool(section["aggregate"] != "max" or section["ignore"] or section["features"])


def _stale(end: str, limit: timedelta, now: datetime) -> str:
    """Why a window that ended at ``end`` says nothing of the present; empty when it does, or does not tell."""
    if not end:
        return ""
    try:
        ended = datetime.fromisoformat(end)
    except ValueError:
        return f"the window ends at {end!r}, which is no time"
    ended = ended if ended.tzinfo else ended.replace(tzinfo=UTC)
    if now - ended > limit:
        age = format_duration(limit)
        return f"the window ended at {ended:%Y-%m-%d %H:%M}, more than {age} ago (psi.stale_after)"
    if ended - now > CLOCK_SKEW:
        return f"the window ends in the future, at {ended:%Y-%m-%d %H:%M}: the clocks of Airflow and the API disagree"
    return ""


def on_common_scale(psi: float, own: Mapping[str, float], common: Mapping[str, float]) -> float:
    """Return the PSI of a feature with bands of its own as the one that means the same in the common bands.

    Between its bounds straight lines lead from one scale to the other; above the last both grow alike.
    """
    bounds = [(own.get(band, common[band]), common[band]) for band in BANDS]
    before, common_before = 0.0, 0.0
    for bound, common_bound in bounds:
        if psi <= bound:
            return common_before + (psi - before) * (common_bound - common_before) / (bound - before)
        before, common_before = bound, common_bound
    return psi * common_before / before


def _aggregate(section: Mapping[str, Any], features: Mapping[str, float], psi: float | None) -> float | None:
    """The PSI of the whole: the API's own (``psi``), unless it is ours to make one of the features'."""
    if not _needs_features(section):
        return psi
    if not features:
        return None
    if section["aggregate"] == "mean":
        return sum(features.values()) / len(features)
    if section["aggregate"] == "share":  # what at least this share of the features has reached
        reached: int = math.ceil(section["share"] * len(features))
        return sorted(features.values(), reverse=True)[reached - 1]
    return max(features.values())


@dataclass(frozen=True)
class Seen:
    """The severity that one run of a monitor found."""

    at: datetime  # the moment that the run stands for
    run: str
    severity: str

    def to_json(self) -> dict[str, str]:
        """As stored in Airflow's asset state."""
        return {**asdict(self), "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> Seen:
        """The inverse of ``to_json``."""
        return cls(datetime.fromisoformat(stored["at"]), stored["run"], stored["severity"])


def remember(history: Sequence[Seen], new: Seen) -> list[Seen]:
    """Return the history with ``new`` in it, which takes the place of what the same run found before.

    ``history`` is what this returned the last time: in the order of time.
    """
    kept = [seen for seen in history if seen.run != new.run]
    insort(kept, new, key=_moment)
    return kept[-REMEMBERED:]


_moment = attrgetter("at")


def streak(history: Sequence[Seen], new: Seen) -> int:
    """Return how many runs in a row, up to ``new`` and with it, found its severity."""
    before = (seen for seen in reversed(history) if seen.at <= new.at and seen.run != new.run)
    same = takewhile(lambda seen: seen.severity == new.severity, islice(before, REMEMBERED - 1))
    return 1 + sum(1 for _ in same)


def overtaken(history: Sequence[Seen], run: str, severity: str) -> Seen | None:
    """Return the newest run after ``run`` that found a severity, if it is another; None where ``run``'s still holds.

    A ``run`` that is too long ago to be in the history comes before all of it.
    """
    mine = next((seen.at for seen in history if seen.run == run), datetime.min.replace(tzinfo=UTC))
    later = [seen for seen in history if seen.at > mine and seen.severity != "unknown"]
    newest = max(later, key=_moment, default=None)
    return newest if newest and newest.severity != severity else None


def route(routes: Mapping[str, str], severity: str, streak: int, alert_after: int) -> str | None:
    """Return the task that the routes of a ``decide_action`` lead to; None while an ``unknown`` may yet pass.

    ``streak`` counts the runs in a row that found ``severity``, ``alert_after`` is what an unknown waits for.
    """
    return None if severity == "unknown" and streak < alert_after else routes[severity]


_ABSENT = object()


def dig(answer: Any, path: str, otherwise: Any = None) -> Any:
    """Return what lies at a dotted path in nested mappings, ``otherwise`` where nothing does."""
    for key in path.split("."):
        if not isinstance(answer, Mapping) or key not in answer:
            return otherwise
        answer = answer[key]
    return answer


def _number(value: Any) -> float | None:
    if type(value) is float:  # nearly always
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf if value > 0 else -math.inf


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _numbers(value: Any) -> dict[str, float]:
    found = ((printable(str(name)), _number(psi)) for name, psi in _mapping(value).items())
    return {name: psi for name, psi in found if psi is not None and abs(psi) <= LARGEST_PSI}


def _largest(features: Mapping[str, float]) -> Mapping[str, float]:
    if len(features) <= _MOST_FEATURES:
        return features
    return dict(sorted(features.items(), key=lambda pair: -pair[1])[:_MOST_FEATURES])


def _text(value: Any) -> str:
    return "" if value is None else printable(str(value)[:_LONGEST_TEXT])
