"""A configuration about to be checked, in whatever state it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

from driftgate.config.layers import Layers
from driftgate.config.words import KeyPath


@dataclass(frozen=True)
class Draft:
    """A configuration about to be checked: what is there in the right type, and nothing else."""

    layers: Layers
    stem: str
    pipeline_names: Callable[[], Collection[str]]  # stems of all pipeline files; called only when needed

    @cached_property
    def tasks(self) -> dict[str, Mapping[str, Any]]:
        tasks = mapping(self.layers.data.get("tasks"))
        return {task_id: mapping(task) for task_id, task in tasks.items()}

    @cached_property
    def edges(self) -> dict[tuple[str, str], KeyPath]:
        """Every pair of tasks of which the first comes before the second → the path that says so."""
        edges: dict[tuple[str, str], KeyPath] = {}
        for task_id, task in self.tasks.items():
            for index, before in enumerate(sequence(task.get("depends_on"))):
                if isinstance(before, str):
                    edges.setdefault((before, task_id), ("tasks", task_id, "depends_on", index))
            for severity, after in mapping(task.get("routes")).items():
                if isinstance(after, str):
                    edges.setdefault((task_id, after), ("tasks", task_id, "routes", severity))
        return edges

    @cached_property
    def upstream(self) -> dict[str, list[str]]:
        """The tasks directly before each task, without those that do not exist and without itself."""
        upstream: dict[str, list[str]] = {task_id: [] for task_id in self.tasks}
        for before, after in self.edges:
            if before in upstream and after in upstream and before != after:
                upstream[after].append(before)
        return upstream

    def section(self, name: str) -> Mapping[str, Any]:
        return mapping(self.layers.data.get(name))

    def with_operator(self, operator: str) -> list[str]:
        return [task_id for task_id, task in self.tasks.items() if task.get("operator") == operator]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return ``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether ``value`` is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
