"""The ledger: every decision of the pipelines, each as a run of one MLflow experiment, where the team looks anyway.

What can be searched for is in tags, numbers are metrics, so that MLflow draws their history. This speaks MLflow's
REST API itself: MLflow's own client takes over a second to import, in every task that decides something.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from driftgate.errors import DriftgateError, Outage, UserMistake, without_password
from driftgate.services.alerts import Threshold
from driftgate.services.patience import patient_session

if TYPE_CHECKING:
    import requests

EXPERIMENT = "driftgate decisions"
KINDS = ("data", "training", "gate", "approval", "promotion", "service", "rollback", "drift", "route", "guard", "alert")

LEFT_OUT = "features_left_out"  # among the inputs: how many features found no room, those that drifted least
_TAG = "driftgate."
_LONGEST_TAG = 5_000  # MLflow refuses longer ones, some servers earlier than others
_LONGEST_NAME = 250
_LONGEST_REASON = 1_500
_MOST_FEATURES = 20
_PAGE = 1_000
_TIMEOUT = (3.05, 5)  # seconds to connect, and to answer


@dataclass(frozen=True)
class Decision:
    """What was decided, about what, and why, in a sentence."""

    kind: str  # one of KINDS
    outcome: str  # one word or two: critical, refused, passed, promoted …
    reason: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A decision with its circumstances."""

    decision: Decision
    time: datetime
    pipeline: str = ""  # "" for a decision that a person took on the command line
    run: str = ""
    task: str = ""  # with the index of a mapped instance: train[3]
    cause: str = ""  # the run that led to this one: pipeline/run
    config: str = ""  # digest of the effective configuration
    revision: str = ""  # of the repository, where it is one
    link: str = ""  # to the task in Airflow
    url: str = ""  # of this entry in MLflow, once it is there

    @property
    def name(self) -> str:
        """The run that decided, with its pipeline."""
        return f"{self.pipeline}/{self.run}"

    @property
    def key(self) -> str:
        """What decided, and about what; whoever is tried again or cleared decides under the same key."""
        return "/".join((self.name, self.task, self.decision.kind))

    def says_the_same(self, other: Entry) -> bool:
        """Whether both hold the same decision, for the same reason, against the same thresholds."""
        return _facts(self) == _facts(other)


def _facts(entry: Entry) -> tuple[Any, ...]:
    decision = entry.decision
    thresholds = json.dumps([asdict(threshold) for threshold in decision.thresholds], default=str)
    return entry.key, decision.outcome, _cut(decision.reason), thresholds, entry.config


class Ledger:
    """The ledger on the MLflow server at ``tracking_uri``; who logs in is read from MLflow's own variables.

    Every method raises Outage when the server does not answer properly and UserMistake when it refuses.
    """

    def __init__(self, tracking_uri: str) -> None:
        self.uri = tracking_uri.rstrip("/")

    def write(self, entry: Entry, *, again: bool = False) -> Entry:
        """Write ``entry`` unless it says what its task decided last; returns the one that is kept, with its address.

        What is kept stays as it is: a task that is cleared days later decides anew, and does not change the past.
        ``again``: decided only because it had been decided before, so that the same outcome is enough to say nothing
        new.
        """
        experiment = self._experiment(create=True)
        rule = f"tags.`{_TAG}key` = {_quoted(_tagged(entry.key))}"
        last = next(filter(None, self._found(experiment, rule, limit=1)), None)
        if last and (last.says_the_same(entry) or (again and last.decision.outcome == entry.decision.outcome)):
            return last
        now = int(entry.time.timestamp() * 1000)
        run_id = self._create(experiment, entry, now)
        if metrics := [{"key": key, "value": value, "timestamp": now, "step": 0} for key, value in _numbers(entry)]:
            self._post("runs/log-batch", {"run_id": run_id, "metrics": metrics})
        self._post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": now})
        return replace(entry, url=self._url(experiment, run_id))

    def entries(
        self,
        *,
        pipeline: str = "",
        run: str = "",
        cause: str = "",
        kind: str = "",
        outcome: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = _PAGE,
    ) -> list[Entry]:
        """Return the newest ``limit`` entries that fit, newest first; an empty argument fits all."""
        if not (experiment := self._experiment(create=False)):
            return []
        wanted = {"pipeline": pipeline, "run": run, "cause": cause, "kind": kind, "outcome": outcome}
        rules = [f"tags.`{_TAG}{key}` = {_quoted(_tagged(value))}" for key, value in wanted.items() if value]
        rules += [f"attributes.start_time >= {int(since.timestamp() * 1000)}"] if since else []
        rules += [f"attributes.start_time < {int(until.timestamp() * 1000)}"] if until else []
        found: dict[tuple[str, datetime], Entry] = {}
        for entry in filter(None, self._found(experiment, " and ".join(rules), limit)):
            found.setdefault((entry.key, entry.time), entry)  # an answer that got lost may have left one twice
        return list(found.values())

    def _found(self, experiment: str, rule: str, limit: int) -> Iterator[Entry | None]:
        for stored in self._runs(experiment, rule, limit):
            yield _entry(stored, self._url(experiment, stored["info"]["run_id"]))

    def _create(self, experiment: str, entry: Entry, now: int) -> str:
        tags = [{"key": key, "value": value} for key, value in _tags(entry).items() if value]
        name = f"{entry.pipeline} {entry.decision.kind}: {entry.decision.outcome}".strip()[:_LONGEST_NAME]
        body = {"experiment_id": experiment, "start_time": now, "run_name": name, "tags": tags}
        return str(self._post("runs/create", body)["run"]["info"]["run_id"])

    def _runs(self, experiment: str, rule: str, limit: int) -> Iterator[Mapping[str, Any]]:
        body: dict[str, Any] = {
            "experiment_ids": [experiment],
            "filter": rule,
            "order_by": ["attributes.start_time DESC"],
            "max_results": min(limit, _PAGE),
        }
        while limit > 0:
            answer = self._post("runs/search", body)
            found = answer.get("runs", [])[:limit]
            yield from found
            limit -= len(found)
            if not (token := answer.get("next_page_token")) or not found:
                return
            body["page_token"] = token

    def _experiment(self, *, create: bool) -> str:
        """Return the id of the experiment; "" if there is none and it is not to be created."""
        answer = self._call("GET", "experiments/get-by-name", params={"experiment_name": EXPERIMENT})
        if answer.ok:
            found = answer.json()["experiment"]
            if found.get("lifecycle_stage") == "deleted":
                raise UserMistake(
                    f"MLflow's experiment '{EXPERIMENT}' was deleted; restore it, or remove it for good: mlflow gc"
                )
            return str(found["experiment_id"])
        if answer.status_code != 404:
            raise self._refusal("experiments/get-by-name", answer)
        if not create:
            return ""
        made = self._call("POST", "experiments/create", json={"name": EXPERIMENT})
        # Somebody else may have been faster.
        return str(made.json()["experiment_id"]) if made.ok else self._experiment_made_by_others(made)

    def _experiment_made_by_others(self, refused: requests.Response) -> str:
        if found := self._experiment(create=False):
            return found
        raise self._refusal("experiments/create", refused)

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._call("POST", path, json=body)
        if not answer.ok:
            raise self._refusal(path, answer)
        found: dict[str, Any] = answer.json()
        return found

    def _call(self, method: str, path: str, **details: Any) -> requests.Response:
        import requests

        try:
            return self._session.request(method, f"{self.uri}/api/2.0/mlflow/{path}", timeout=_TIMEOUT, **details)
        except requests.RequestException as error:
            raise Outage(f"MLflow does not answer at {self.uri} ({type(error).__name__})") from None

    @cached_property
    def _session(self) -> requests.Session:
        session = patient_session()  # asking twice for the same is safe: what is there twice is read once
        user, token = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_TOKEN")
        if user:
            session.auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
        elif token:
            session.headers["Authorization"] = f"Bearer {token}"
        return session

    def _refusal(self, path: str, answer: requests.Response) -> DriftgateError:
        kind = Outage if answer.status_code >= 500 or answer.status_code == 429 else UserMistake
        return kind(f"MLflow at {self.uri} refused {path}: {answer.status_code} {answer.text[:200]}")

    def _url(self, experiment: str, run_id: str) -> str:
        return f"{without_password(self.uri)}/#/experiments/{experiment}/runs/{run_id}"


def _tags(entry: Entry) -> dict[str, str]:
    decision = entry.decision
    searched = {
        "key": entry.key,
        "kind": decision.kind,
        "outcome": decision.outcome,
        "pipeline": entry.pipeline,
        "run": entry.run,
        "task": entry.task,
        "cause": entry.cause,
        "config": entry.config,
        "revision": entry.revision,
    }
    return {
        **{f"{_TAG}{key}": _tagged(value) for key, value in searched.items()},
        f"{_TAG}entry": _packed(entry),
        "mlflow.note.content": _tagged(decision.reason),
    }


def _tagged(value: str) -> str:
    return value[:_LONGEST_TAG].replace('"', "'")  # a rule cannot hold both kinds of quotes


def _packed(entry: Entry) -> str:
    """Return all of an entry as JSON, as many of its features as find room, those that drifted most first."""
    features = dict(entry.decision.inputs.get("features") or {})
    kept = sorted(features, key=lambda name: (-_size(features[name]), name))[:_MOST_FEATURES]
    decision = replace(entry.decision, reason=_cut(entry.decision.reason))
    while True:
        some: dict[str, Any] = {"features": {name: features[name] for name in kept}} if features else {}
        some |= {LEFT_OUT: len(features) - len(kept)} if len(kept) < len(features) else {}
        packed = _json(replace(entry, decision=replace(decision, inputs={**decision.inputs, **some})))
        if len(packed) <= _LONGEST_TAG:
            return packed
        if not kept:  # nothing that Driftgate decides itself is as large
            return _json(replace(entry, decision=replace(decision, inputs={}, thresholds=())))
        kept = kept[: len(kept) // 2]


def _json(entry: Entry) -> str:
    return json.dumps({**asdict(entry), "time": entry.time.isoformat()}, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _size(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else -1.0


def _numbers(entry: Entry) -> Iterator[tuple[str, float]]:
    for key, value in entry.decision.inputs.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield key, float(value)


def _entry(stored: Mapping[str, Any], url: str) -> Entry | None:
    """Return the entry that a run of MLflow holds; None if somebody else wrote it."""
    tags = {tag["key"]: tag["value"] for tag in stored["data"].get("tags", [])}
    try:
        packed = json.loads(tags[f"{_TAG}entry"])
        decision = packed.pop("decision")
        thresholds = tuple(Threshold(**threshold) for threshold in decision.pop("thresholds"))
        time = datetime.fromisoformat(packed.pop("time")).astimezone(UTC)
        return Entry(**{**packed, "decision": Decision(**decision, thresholds=thresholds), "time": time, "url": url})
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _quoted(text: str) -> str:
    return f'"{text}"'
