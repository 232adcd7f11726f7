"""What the Airflow UI says about a pipeline: prose, bands and gates, the graph, and where to edit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from driftgate.config.layers import COMPARISONS

if TYPE_CHECKING:
    from datetime import datetime

    from driftgate.config.model import Pipeline
    from driftgate.errors import Problem


def describe(pipeline: Pipeline) -> str:
    """Return the pipeline's documentation in Markdown, from what people edit and nothing else."""
    parts = [pipeline.description]
    if psi := pipeline.sections.get("psi"):
        parts.append(_bands(psi))
    if gates := pipeline.sections.get("gates"):
        parts.append(_gates(gates))
    parts.append(_graph(pipeline))
    parts.append(f"Defined in `{pipeline.file}`.")
    return "\n\n".join(part for part in parts if part)


def outdated_note(problems: Sequence[Problem], since: datetime | None) -> str:
    """Return what stands above the docs of a pipeline that runs on its last good configuration."""
    when = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    lines = "\n".join(f"- `{p.file}:{p.line}:{p.column}` {p.message}" for p in problems[:10])
    more = f"\n- and {len(problems) - 10} more" if len(problems) > 10 else ""
    return (
        f"**Outdated configuration.** The file is broken{when}; this pipeline runs on its last good configuration "
        f"until it is mended.\n\n{lines}{more}"
    )


def _bands(psi: Mapping[str, Any]) -> str:
    rows = [
        ("none", f"below {psi['minor']:g}"),
        ("minor", f"{psi['minor']:g} up to, not including, {psi['moderate']:g}"),
        ("moderate", f"{psi['moderate']:g} up to and including {psi['critical']:g}"),
        ("critical", f"above {psi['critical']:g}"),
        ("unknown", f"fewer than {psi['min_samples']} predictions, or no answer that can be trusted"),
    ]
    return _table(("Severity", f"PSI ({psi['aggregate']} over features)"), rows)


def _gates(gates: Mapping[str, Any]) -> str:
    return _table(("Gate", "must be"), [(name, _asked(name, gate)) for name, gate in gates.items()])


def _asked(name: str, gate: Mapping[str, Any]) -> str:
    """Return what a gate asks for, and how sure it must be."""
    if name == "versus_production":
        drop = f"{gate['metric']} at most {gate['max_drop']:g} worse than production"
        sure = f" (upper bound, {gate['confidence'] * 100:g} %)" if "confidence" in gate else ""
        return f"{drop}{sure}; {gate['first_model']} a first model"
    asked = next(f"{key.replace('_', ' ')} {gate[key]:g}" for key in COMPARISONS if key in gate)
    end = gate["require"]
    return asked if end == "value" else f"{asked} ({end.replace('_', ' ')}, {gate['confidence'] * 100:g} %)"


def _graph(pipeline: Pipeline) -> str:
    rows = [
        (f"`{task.task_id}`", task.operator, ", ".join(f"`{name}`" for name in task.depends_on))
        for task in pipeline.tasks
    ]
    return _table(("Task", "Operator", "After"), rows)


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
