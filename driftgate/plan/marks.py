"""Which way a rule moved: tightened lets only less through than before, loosened lets something more through.

An edit that does both counts as loosened, ``in part``, so that no limit gives way beside another that is tightened.
The table is docs/plan.md's: a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from driftgate.config.layers import COMPARISONS
from driftgate.config.words import KeyPath
from driftgate.durations import is_duration, parse_duration
from driftgate.plan.values import MISSING

TIGHTENED, LOOSENED = "tightened", "loosened"
IN_PART = "loosened in part"  # of what was stopped something passes, and the other way round

Compare = Callable[[Any, Any], str]


class Rule(NamedTuple):
    """How a value is marked, and what it means that it was tightened or loosened."""

    compare: Compare
    tightened: str
    loosened: str


def lower(before: Any, after: Any) -> str:
    """Tightened when the number or duration is lower; one that is not there is no limit at all."""
    return higher(after, before) if MISSING not in (before, after) else _presence(before, after)


def higher(before: Any, after: Any) -> str:
    """Tightened when the number or duration is higher; one that is not there is no limit at all."""
    if MISSING in (before, after):
        return _presence(before, after)
    one, other = _size(before), _size(after)
    return "" if one == other else TIGHTENED if other > one else LOOSENED


def fewer(before: Any, after: Any) -> str:
    """Tightened when only some of the values are left; without a list every value goes."""
    if MISSING in (before, after):
        return _presence(before, after)
    return more(after, before)


def more(before: Any, after: Any) -> str:
    """Tightened when values were added and none taken away."""
    one, other = ({str(item) for item in (() if side is MISSING else side)} for side in (before, after))
    if one == other:
        return ""
    return TIGHTENED if one < other else LOOSENED if other < one else IN_PART


def less(before: Any, after: Any) -> str:
    """Tightened when values were taken away and none added."""
    return more(after, before)


def ranked(*options: Any) -> Compare:
    """Tightened when the value comes later in ``options``; of what is not among them nothing is said."""

    def compare(before: Any, after: Any) -> str:
        if before not in options or after not in options:
            return ""
        return higher(options.index(before), options.index(after))

    return compare


def gate(before: Any, after: Any) -> str:
    """Tightened when fewer values of the metric pass."""
    if MISSING in (before, after):
        return _presence(before, after)
    (upward, *one), (still_upward, *other) = _strictness(before), _strictness(after)
    return _all_higher(one, other) if upward == still_upward else IN_PART


def _strictness(gate: Mapping[str, Any]) -> tuple[bool, tuple[float, int], float]:
    """Return whether more is better, where the limit is, and how sure it must be; the last two grow with strictness."""
    name = next(name for name in COMPARISONS if name in gate)
    upward = name in ("above", "at_least")
    limit = gate[name] if upward else -gate[name]
    sure = gate.get("confidence", 0.0) if gate.get("require", "value") != "value" else 0.0
    return upward, (limit, int(name in ("above", "below"))), sure


def versus(before: Any, after: Any) -> str:
    """Tightened when the new model may be less worse than production, or must be so with more confidence."""
    if MISSING in (before, after):
        return _presence(before, after)
    if before["metric"] != after["metric"]:
        return IN_PART
    return _all_higher(*([-side["max_drop"], side.get("confidence", 0.0), _refuses(side)] for side in (before, after)))


def _refuses(gate: Mapping[str, Any]) -> bool:
    return gate.get("first_model") == "refuse"


def _all_higher(before: Sequence[Any], after: Sequence[Any]) -> str:
    """Tightened when something is higher and nothing is lower."""
    pairs = zip(before, after, strict=True)
    ways = {TIGHTENED if other > one else LOOSENED for one, other in pairs if one != other}
    return IN_PART if len(ways) == 2 else ways.pop() if ways else ""


def _presence(before: Any, after: Any) -> str:
    return "" if before is after else TIGHTENED if before is MISSING else LOOSENED


def _present(before: Any, after: Any) -> str:
    return _presence(before, after) if MISSING in (before, after) else ""


def _reminds(before: Any, after: Any) -> str:
    """Tightened when it reminds sooner; null never does."""
    one, other = (MISSING if side is None else side for side in (before, after))
    return lower(one, other)


def bands(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Tightened when a band of a feature begins lower, and none higher; both have all bands."""
    return _all_higher(*([-side[name] for name in sorted(side)] for side in (before, after)))


def _aggregate(before: Any, after: Any) -> str:
    """Tightened when the greatest PSI counts, which neither the mean nor that of a share of the features exceeds."""
    if before == after:
        return ""
    return LOOSENED if before == "max" else TIGHTENED if after == "max" else IN_PART


def _without_answer(before: Any, after: Any) -> str:
    """Tightened when an answer that nobody gives no longer approves."""
    return ranked(True, False)(before == "approve", after == "approve")


def _unless_off(before: Any, after: Any) -> str:
    """Tightened when it is on again; it is on unless somebody says no."""
    return ranked(False, True)(before is not False, after is not False)


def _size(value: Any) -> float:
    if isinstance(value, str) and is_duration(value):
        return parse_duration(value).total_seconds()
    return float(value)


_STOPPING = ("all_success", "none_failed", "none_failed_min_one_success")  # what failed before keeps the task back
_GOING_ON = ("all_done", "all_done_min_one_success", "always", "none_skipped", "one_done", "one_success")


def _trigger_rule(before: Any, after: Any) -> str:
    one, other = ("all_success" if side is MISSING else side for side in (before, after))
    if one in _GOING_ON and other in _STOPPING:
        return TIGHTENED
    return LOOSENED if one in _STOPPING and other in _GOING_ON else ""


_DETECT = Rule(lower, "drift is told sooner", "drift is told later")

# path in the pipeline, "*" for any name → its rule
PIPELINE_RULES: dict[str, Rule] = {
    "psi.minor": _DETECT,
    "psi.moderate": _DETECT,
    "psi.critical": _DETECT,
    "psi.aggregate": Rule(_aggregate, "one drifting feature is enough", "one drifting feature is no longer enough"),
    "psi.share": Rule(lower, "fewer features must drift", "more features must drift"),
    "psi.features.*": Rule(bands, "drift is told sooner", "drift is told later"),
    "psi.features.*.minor": _DETECT,
    "psi.features.*.moderate": _DETECT,
    "psi.features.*.critical": _DETECT,
    "psi.ignore": Rule(less, "more features count", "fewer features count"),
    "psi.alert_after": Rule(lower, "an unknown is told sooner", "an unknown is told later"),
    "psi.stale_after": Rule(lower, "older windows are 'unknown'", "older windows count"),
    "psi.min_samples": Rule(lower, "fewer windows are 'unknown'", "more windows are 'unknown', which never retrain"),
    "dataset.max_age": Rule(lower, "data must be newer", "data may be older"),
    "quality.min_rows": Rule(higher, "the data need more rows", "the data may have fewer rows"),
    "quality.max_missing_share": Rule(lower, "less may be missing", "more may be missing"),
    "quality.max_duplicate_share": Rule(lower, "fewer rows may repeat", "more rows may repeat"),
    "quality.columns.*": Rule(_present, "the column is checked", "the column is no longer checked"),
    "quality.columns.*.type": Rule(ranked(MISSING, "number", "integer"), "fewer values fit", "more values fit"),
    "quality.columns.*.min": Rule(higher, "fewer values fit", "more values fit"),
    "quality.columns.*.max": Rule(lower, "fewer values fit", "more values fit"),
    "quality.columns.*.allowed": Rule(fewer, "fewer values fit", "more values fit"),
    "quality.columns.*.max_missing_share": Rule(lower, "less may be missing", "more may be missing"),
    "quality.columns.*.unique": Rule(ranked(False, True), "no value may repeat", "values may repeat"),
    "gates.versus_production": Rule(versus, "a model passes less easily", "a model passes more easily"),
    "gates.*": Rule(gate, "a model passes less easily", "a model passes more easily"),
    "ledger.enabled": Rule(_unless_off, "decisions are kept", "decisions are no longer kept"),
    "alerts.on_failure": Rule(more, "more are told", "fewer are told"),
    "alerts.on_retry": Rule(more, "more are told", "fewer are told"),
    "alerts.on_success": Rule(more, "more are told", "fewer are told"),
    "alerts.on_recovery": Rule(more, "more are told", "fewer are told"),
    "alerts.on_refused": Rule(more, "more are told", "fewer are told"),
    "alerts.on_waiting": Rule(more, "more are told", "fewer are told"),
    "alerts.repeat_after": Rule(_reminds, "it reminds sooner", "it reminds later"),
    "alerts.channels.*.to": Rule(more, "more are told", "fewer are told"),
    "trigger_rule": Rule(_trigger_rule, "a failure before holds tasks back", "tasks run although one before failed"),
}
# operator ("*": any) and path in the task → its rule; routes are marked by the operators that they lead to
TASK_RULES: dict[tuple[str, str], Rule] = {
    ("approval", "on_timeout"): Rule(_without_answer, "no answer is no approval", "no answer approves"),
    ("approval", "users"): Rule(fewer, "fewer may approve", "more may approve"),
    ("send_alert", "channels"): Rule(more, "more are told", "fewer are told"),
    ("trigger_retraining", "guard.cooldown"): Rule(higher, "it retrains less often", "it may retrain more often"),
    ("trigger_retraining", "guard.max_per_week"): Rule(lower, "it retrains less often", "it may retrain more often"),
    ("trigger_retraining", "guard.consecutive"): Rule(higher, "drift must last longer", "drift need not last as long"),
    ("trigger_retraining", "guard.new_data"): Rule(
        ranked(False, True), "the same data make no second model", "the same data may make another model"
    ),
    ("decide_action", "routes.*"): Rule(
        ranked("log_status", "send_alert", "trigger_retraining"), "more is done about it", "less is done about it"
    ),
    ("*", "alerts.on_failure"): Rule(more, "more are told", "fewer are told"),
    ("*", "alerts.on_retry"): Rule(more, "more are told", "fewer are told"),
    ("*", "alerts.on_success"): Rule(more, "more are told", "fewer are told"),
    ("*", "alerts.on_recovery"): Rule(more, "more are told", "fewer are told"),
    ("*", "alerts.on_refused"): Rule(more, "more are told", "fewer are told"),
    ("*", "alerts.on_waiting"): Rule(more, "more are told", "fewer are told"),
    ("*", "trigger_rule"): Rule(_trigger_rule, "a failure before holds it back", "it runs although one before failed"),
}
# operators whose task is a check, or tells somebody: one more tightens, one less loosens
CHECKS = ("approval", "check_data_freshness", "check_drift", "evaluate_model", "send_alert", "validate_data_quality")


def mark(path: KeyPath, before: Any, after: Any) -> tuple[str, str]:
    """Return how the change at ``path`` of a pipeline is marked ("" for not at all), and what that means."""
    rule = _first(PIPELINE_RULES, path)
    return _marked(rule, before, after)


def mark_task(operator: str, path: KeyPath, before: Any, after: Any) -> tuple[str, str]:
    """Return the same for ``path`` in a task; of a route, ``before`` and ``after`` are the operators it leads to."""
    own = {name: rule for (owner, name), rule in TASK_RULES.items() if owner in (operator, "*")}
    return _marked(_first(own, path), before, after)


def mark_check(before: str, after: str) -> tuple[str, str]:
    """Return how it is marked that there is one check more or less; "" for the operator of no task."""
    was, is_now = before in CHECKS, after in CHECKS
    if was == is_now:
        return "", ""
    return (TIGHTENED, "one check more") if is_now else (LOOSENED, "one check less")


def mark_operator(before: str, after: str) -> tuple[str, str]:
    """Return how it is marked that a task has another operator: as a check, or as what a route leads to."""
    found = mark_check(before, after)
    return found if found[0] else mark_task("decide_action", ("routes", "any"), before, after)


def _marked(rule: Rule | None, before: Any, after: Any) -> tuple[str, str]:
    way = rule.compare(before, after) if rule else ""
    if rule is None or not way:
        return "", ""
    if way == IN_PART:
        return LOOSENED, f"in part: {rule.loosened}"
    return way, rule.tightened if way == TIGHTENED else rule.loosened


def _first(rules: Mapping[str, Rule], path: KeyPath) -> Rule | None:
    parts = tuple(str(part) for part in path)
    return next((rule for pattern, rule in rules.items() if _fits(pattern, parts)), None)


def _fits(pattern: str, parts: tuple[str, ...]) -> bool:
    names = pattern.split(".")
    return len(names) == len(parts) and all(name in ("*", part) for name, part in zip(names, parts, strict=True))
