"""Whether the tasks hang together: names, circles, and results that others work on."""

from __future__ import annotations

from collections.abc import Iterator

from driftgate.config import schemas
from driftgate.config.draft import Draft, mapping, sequence
from driftgate.config.places import stands_for
from driftgate.config.tree import Node, Reference
from driftgate.config.words import called, shorten, suggest
from driftgate.errors import Problem

# operator → the operator whose result it works on, which must therefore come somewhere before it
NEEDS_UPSTREAM: dict[str, str] = {
    "decide_action": "check_drift",
    "evaluate_model": "train_model",
    "promote_to_production": "evaluate_model",
    "restart_api_service": "promote_to_production",
    "trigger_retraining": "check_drift",
}

_RESERVED = ("downstream_join_id", "upstream_join_id")
_LONGEST_ID = {True: 200, False: 250}  # of a group, of a task


def check_references(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each name that means nothing, or nothing that could come before or after."""
    for said in draft.tree.references:
        if said.target is None:
            yield _unknown(draft, said)
        elif draft.order.within(said):
            yield _own(draft, said)
        elif "output_of" in said.path[-1:] and said.target in draft.tree.groups:
            message = f"{called(said.path)}: '{said.name}' is a group, and only a task has a result"
            inside = [task for task in draft.tree.names_in(said.node) if task.startswith(f"{said.name}.")]
            hint = f"name the task: {', '.join(inside[:20])}" if inside else "name the task in it"
            yield draft.layers.problem(said.path, "not-a-task", message, hint)


def _unknown(draft: Draft, said: Reference) -> Problem:
    message = f"{called(said.path)}: there is no task '{said.name}'"
    others = draft.tree.names_in(said.node)
    hint = suggest(said.name, others, f"tasks: {', '.join(others[:20])}" if others else "")
    return draft.layers.problem(said.path, "unknown-task", message, hint)


def _own(draft: Draft, said: Reference) -> Problem:
    if said.target == said.node.id:
        message = f"{called(said.path)}: '{said.name}' cannot come before itself"
    else:
        outer, inner = sorted((said.target or "", said.node.id), key=len)
        message = f"{called(said.path)}: '{inner}' is in the group '{outer}', so neither can wait for the other"
    return draft.layers.problem(said.path, "depends-on-itself", message, "name another task, or remove it")


def check_ids(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each id that Airflow would refuse."""
    for node in draft.tree.nodes.values():
        longest = _LONGEST_ID[node.is_group]
        if node.group and len(node.id) > longest:
            message = f"the full id of {called(node.path)} is {len(node.id)} characters long; at most {longest} will do"
            yield draft.layers.problem(node.path, "too-long", message, "shorten its name or its groups'", at_key=True)
        if node.group and node.path[-1] in _RESERVED:
            message = f"{called(node.path)}: '{node.path[-1]}' is a name that Airflow uses itself"
            yield draft.layers.problem(node.path, "reserved-name", message, "choose another", at_key=True)


def check_cycles(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each circle of tasks."""
    for cycle, path in draft.order.cycles:
        message = f"tasks wait for each other: {' → '.join([*cycle, cycle[0]])}"
        yield draft.layers.problem(path, "cycle", message, "remove one of these dependencies")


def check_upstream(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each task whose operator works on a result that nothing before it yields.

    Not for those after such a task, and not where a name that means nothing may be the reason: both follow.
    """
    unsure = _after_unknown(draft)
    for needed in dict.fromkeys(NEEDS_UPSTREAM.values()):
        users = [
            node for user in NEEDS_UPSTREAM if NEEDS_UPSTREAM[user] == needed for node in draft.with_operator(user)
        ]
        sources = draft.with_operator(needed)
        fed = draft.order.downstream([source.id for source in sources]) | unsure
        unfed = [node.id for node in users if node.id not in fed]
        reached = fed | draft.order.downstream(unfed)
        mapped = [source for source in sources if source.data.keys() & {"expand", "expand_kwargs"}]
        overfed = draft.order.downstream([source.id for source in mapped])
        for node in users:
            if node.id not in reached:
                yield _unfed(draft, node, needed, sources)
            elif node.id in overfed:
                yield _overfed(draft, node, needed, mapped[0])


def _after_unknown(draft: Draft) -> set[str]:
    """Return the tasks that may come after others than it seems: something before them is not what it must be."""
    lost = {said.node.id for said in draft.tree.references if said.target is None}
    lost.update(node.id for node in draft.tree.nodes.values() if _has_odd_dependencies(node))
    deciding = [node for node in draft.tasks.values() if node.operator == "decide_action" or "routes" in node.data]
    if any(node.id in lost or _has_lost_route(node) for node in deciding):
        return set(draft.tasks)  # any of them may be what a route means
    begun = {node.id for node in draft.tasks.values() if not lost.isdisjoint((node.id, *draft.tree.around(node)))}
    nameless = {node.id for node in draft.tasks.values() if not node.operator}
    return begun | draft.order.downstream([*begun, *nameless])


def _has_lost_route(node: Node) -> bool:
    """Tell whether a severity has no route, or one to nothing that could be a task."""
    severities = schemas.parameters("decide_action")["properties"]["routes"]["required"]
    routes = mapping(node.data.get("routes"))
    return not node.operator or not all(isinstance(routes.get(severity), str) for severity in severities)


def _has_odd_dependencies(node: Node) -> bool:
    """Tell whether depends_on is misspelt, called otherwise, or no list of names."""
    names = node.data.get("depends_on", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return True
    known = {*schemas.task_keys(), *schemas.parameters(node.operator)["properties"]}
    return any(stands_for(key, ("depends_on",)) for key in node.data if key not in known)


def _unfed(draft: Draft, node: Node, needed: str, sources: list[Node]) -> Problem:
    """Return the problem of a task without the result it needs, at what it depends on, if it says so."""
    message = f"{called(node.path)}: {node.operator} needs a task with operator {needed} before it"
    hint = f"add a task with operator: {needed}, and let this one depend on it"
    said = [name for name in sequence(node.data.get("depends_on")) if isinstance(name, str)]
    if sources:
        hint = f"write depends_on: [{', '.join([*map(shorten, said), draft.tree.known_as(sources[0].id, node.group)])}]"
    path = (*node.path, "depends_on" if "depends_on" in node.data else "operator")
    return draft.layers.problem(path, "missing-upstream", message, hint)


def _overfed(draft: Draft, node: Node, needed: str, source: Node) -> Problem:
    message = (
        f"{called(node.path)}: {node.operator} works on one result of {needed}, "
        f"and '{source.id}' is expanded into several"
    )
    hint = f"write a {needed} task without expand"
    return draft.layers.problem((*node.path, "operator"), "expanded-upstream", message, hint)


def check_trigger_rules(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each trigger rule that a pipeline with fail_fast cannot have."""
    if draft.layers.data.get("fail_fast") is not True:
        return
    paths = [(*node.path, "trigger_rule") for node in draft.tasks.values() if "trigger_rule" in node.data]
    for path in [("trigger_rule",), *paths] if "trigger_rule" in draft.layers.data else paths:
        rule = draft.layers.at(path)
        if isinstance(rule, str) and rule != "all_success":
            message = f"{called(path)} must be all_success, because fail_fast is true: it ends the run instead"
            yield draft.layers.problem(path, "trigger-rule", message, "remove it, or fail_fast")
