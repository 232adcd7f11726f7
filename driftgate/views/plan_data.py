"""A plan as data, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from driftgate.plan.model import Change, EnvironmentPlan, PipelineChange, Plan
from driftgate.plan.runs import Runs
from driftgate.plan.values import MISSING


def plan_data(plan: Plan) -> dict[str, Any]:
    """Return ``plan`` as JSON has it; docs/plan.md names every field."""
    return {
        "base": asdict(plan.base),
        "valid": plan.valid,
        "changed": not plan.empty,
        "tightened": plan.count("tightened"),
        "loosened": plan.count("loosened"),
        "notes": list(plan.notes),
        "environments": [_environment(part) for part in plan.environments],
    }


def _environment(part: EnvironmentPlan) -> dict[str, Any]:
    return {
        "environment": part.environment or None,
        "status": part.status,
        "pipelines": [_pipeline(change) for change in part.pipelines],
        "rewritten": [_change(change) for change in part.rewritten],
        "problems": [asdict(problem) for problem in part.errors],
    }


def _pipeline(change: PipelineChange) -> dict[str, Any]:
    before, after = change.runs
    return {
        "dag_id": change.dag_id,
        "kind": change.kind,
        "former": change.former or None,
        "file": change.file,
        "mark": change.mark or None,
        "changes": [_change(each) for each in change.changes],
        "rewritten": [_change(each) for each in change.rewritten],
        "next_runs": {"before": _runs(before), "after": _runs(after)} if before or after else None,
        "consequences": list(change.consequences),
    }


def _change(change: Change) -> dict[str, Any]:
    """Return a change; a value that is not there has no key, for null is a value."""
    sides = {"before": change.before, "after": change.after}
    return {
        "kind": change.kind,
        "path": change.path,
        **{name: value for name, value in sides.items() if value is not MISSING},
        "place": change.place,
        "mark": change.mark or None,
        "note": change.note or None,
    }


def _runs(runs: Runs | None) -> dict[str, Any] | None:
    return {"words": runs.words, "times": [time.isoformat() for time in runs.times]} if runs else None
