"""What can be said of a task with any other Airflow operator without importing that operator."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from driftgate.config import schemas
from driftgate.config.draft import Draft
from driftgate.config.tree import Node
from driftgate.config.words import called, shorten, suggest, suggest_key
from driftgate.errors import Problem

# Parameters of every Airflow operator that are not the task's to give, and what to do instead.
NOT_OURS = {
    "dag": "remove it: the task belongs to the pipeline of its file",
    "default_args": "write the settings themselves, here or at the top level",
    "end_date": "write it at the top level, for the pipeline",
    "start_date": "write it at the top level, for the pipeline",
    "task_group": "put the task under tasks of a group",
    "task_id": "remove it: the task is called by the key above",
}
_SAME_KEY = 0.87  # how alike two keys are that differ as typing errors make them differ


def check_foreign(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each key of such a task that can only be a slip of one that every task has."""
    for node in draft.tasks.values():
        if "." in node.operator:
            for key in node.data:
                yield from _check_key(draft, node, key)
            yield from _check_target(draft, node)


def _check_key(draft: Draft, node: Node, key: str) -> Iterator[Problem]:
    hint = NOT_OURS.get(key) or (_slip(key) if key not in schemas.task_keys() else "")
    if hint:
        message = f"{called((*node.path, key))}: a task cannot have '{shorten(key)}'"
        yield draft.layers.problem((*node.path, key), "unknown-key", message, hint, at_key=True)


@lru_cache(maxsize=1_000)
def _slip(key: str) -> str:
    """Return a hint for a key that is called otherwise here, or is all but one of every task's; "" for any other."""
    known = list(schemas.task_keys())
    plain = key.lower().replace("-", "").replace("_", "")
    for other in known:
        alike = SequenceMatcher(None, plain, other.replace("_", "")).ratio()
        if alike >= _SAME_KEY and len(other) > len("queue"):  # short words may well be an operator's own
            return f"did you mean '{other}'?"
    hint = suggest_key(key, known, "-")
    return hint if hint.startswith("here it is called") else ""


def _check_target(draft: Draft, node: Node) -> Iterator[Problem]:
    """Warn of a DAG to trigger that is none of the pipelines but looks much like one."""
    target = node.data.get("trigger_dag_id")
    if not isinstance(target, str) or "{" in target or target in (known := draft.pipeline_names()):
        return
    if hint := suggest(target, known):
        path = (*node.path, "trigger_dag_id")
        message = f"{called(path)}: there is no pipeline '{shorten(target)}'"
        yield draft.layers.problem(path, "unknown-pipeline", message, hint, severity="warning")
