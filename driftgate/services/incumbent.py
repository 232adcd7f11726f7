"""The version in production, asked about the rows held out for the new one. What cannot be asked fails the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from driftgate.errors import Outage
from driftgate.services import gates, modelfile, registry, resampling, scoring
from driftgate.services.gates import Comparison
from driftgate.services.holdout import Choice, Split

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.tracking import MlflowClient


def compare(
    client: MlflowClient, trained: Mapping[str, Any], parts: Split, answers: scoring.Answers, gate: Mapping[str, Any]
) -> Comparison:
    """Compare what a new version says of its hold-out (``answers``) with what the one in production says.

    Raises Outage when MLflow does not answer; everything else that is in the way is told in the comparison.
    """
    version = registry.incumbent(client, trained["model"], trained["version"])
    if version is None:
        return Comparison(None)
    found = Comparison(version, rows=len(parts.held_y))
    try:
        theirs = _ask(client, trained["model"], version, parts.held_rows)
    except _Refusal as error:
        return replace(found, why=f"version {version} in production {error}")
    except Exception as error:  # whatever keeps a model from answering, an unproven one must not replace it
        _raise_if_down(error)
        return replace(found, why=f"version {version} in production cannot be asked: {_first_line(error)}")
    found = _measured(found, parts, answers, theirs, gate)
    return replace(found, note=_note(client, trained, version))


class _Refusal(Exception):
    """Why the version in production says nothing of these rows."""


def _ask(client: MlflowClient, name: str, version: str, rows: pd.DataFrame) -> scoring.Answers:
    model = modelfile.load(client.get_model_version(name, version))
    wanted = modelfile.features(name, version) or list(rows.columns)
    if missing := [column for column in wanted if column not in rows]:
        names = ", ".join(repr(column) for column in missing[:5])
        raise _Refusal(f"needs {names}, which the data no longer has")
    return scoring.ask(model, rows[wanted])


def _raise_if_down(error: Exception) -> None:
    """Tell a server that fails from a model that does: the one is worth another try."""
    from mlflow.exceptions import RestException

    if isinstance(error, Outage):
        raise error
    if isinstance(error, RestException) and error.get_http_status_code() >= 500:
        raise Outage(f"MLflow failed: {_first_line(error)}") from error
    import mlflow

    registry.connect(mlflow.get_tracking_uri())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _measured(
    found: Comparison, parts: Split, ours: scoring.Answers, theirs: scoring.Answers, gate: Mapping[str, Any]
) -> Comparison:
    metric, labels = gate["metric"], parts.held_y
    value, other = (scoring.score(answers, labels).get(metric) for answers in (ours, theirs))
    found = replace(found, value=value, production_value=other, why=_why_not(parts, metric, value, found.production))
    if metric not in _OF_LABELS and ours.classes != theirs.classes:
        return replace(found, production_value=None, why=_other_classes(found, ours, theirs))
    one, two = scoring.coded(ours, labels), scoring.coded(theirs, labels)
    drop = found.drop(metric)
    if one is None or two is None or drop is None:
        return found
    interval = resampling.drop_interval(metric, one, two, gates.confidence_of(gate), parts.seed)
    return replace(found, interval=interval and interval.around(drop))


def _why_not(parts: Split, metric: str, value: float | None, production: str | None) -> str:
    if parts.held_y.nunique() == 1:
        return f"every row held out is of class {parts.held_y.iloc[0]}"
    who = "the new version" if value is None else f"version {production} in production"
    return f"{metric} cannot be computed for {who}"


_OF_LABELS = ("accuracy", "balanced_accuracy")  # they mean the same whatever classes a model knows


def _other_classes(found: Comparison, ours: scoring.Answers, theirs: scoring.Answers) -> str:
    known, new = (", ".join(map(str, answers.classes[:5])) for answers in (theirs, ours))
    return f"version {found.production} in production tells the classes {known} apart, the new version {new}"


def _note(client: MlflowClient, trained: Mapping[str, Any], version: str) -> str:
    """Say what flatters production: a hold-out of rows that it may have learnt by heart."""
    known = client.get_model_version(trained["model"], version)
    digest = known.tags.get(registry.DATA_TAG)
    params = client.get_run(known.run_id).data.params if known.run_id else {}
    choice, size = Choice.of(trained), float(params.get("test_size", 0))
    if params.get("split", "random") == choice.how and (
        size >= choice.test_size if choice.split_by else (digest, size) == (trained["digest"], choice.test_size)
    ):
        return ""
    others = "" if digest is None else " on other data" if digest != trained["digest"] else " with another split"
    told = f"was trained{others} and may" if others else "may"
    advice = "" if choice.split_by else ": hold out the newest rows instead (model.split)"
    return f"; version {version} {told} have seen some of these rows, which flatters it{advice}"
