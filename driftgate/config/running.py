"""Whether what should run can, and what must not run cannot: dead ends, and ways past the evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from driftgate.config.draft import Draft
from driftgate.config.outcomes import Outcomes, States
from driftgate.config.source import MAX_PROBLEMS
from driftgate.config.tree import Node, Reference
from driftgate.config.words import called
from driftgate.errors import Problem

_MOST = 20  # decisions, promotions and evaluations that are looked into: fewer if there are very many tasks
_MOST_TASKS = 10_000
_SKIPPED = frozenset({"skipped"})
_NO_REASON = ("none", "unknown")  # severities at which nobody knows of any drift
_REGARDLESS = ("all_done", "all_skipped", "always", "none_failed")  # trigger rules to which a skipped task is as good


def check_reachable(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each task that can never run: only the first on its way, for the rest follows from it."""
    stray = list(islice((said for said in draft.tree.references if _is_stray(draft, said)), MAX_PROBLEMS))
    for said in stray:
        message = f"{called(said.path)}: no route of '{said.target}' leads here, so '{said.node.id}' never runs"
        hint = f"add it to the routes of {said.name}, or depend on a task that they lead to"
        yield draft.layers.problem(said.path, "unreachable", message, hint)
    if not stray and (outcomes := _outcomes(draft)):
        yield from _dead_ends(draft, outcomes)


def _outcomes(draft: Draft) -> Outcomes | None:
    return None if draft.order.sequence is None else Outcomes(draft.order, lambda node: _rule(draft, node))


def _looked_into(draft: Draft, operator: str) -> list[Node]:
    return draft.with_operator(operator)[: min(_MOST, 1 + _MOST_TASKS // len(draft.tasks or "x"))]


def _rule(draft: Draft, node: Node) -> str:
    rule = draft.setting(node, "trigger_rule")
    return rule if isinstance(rule, str) else "all_success"


def _is_stray(draft: Draft, said: Reference) -> bool:
    """Tell whether a node waits for a decision that has no route to it, to a group around it or to a task before it."""
    decision = draft.tasks.get(said.target or "")
    if said.after or decision is None or decision.operator != "decide_action" or draft.order.within(said):
        return False
    routes = {other.target for other in draft.tree.spoken_by[decision.id] if other.after}
    if not routes or None in routes or {said.node.id, *draft.tree.around(said.node)} & routes:
        return False
    followed = set[str]().union(*(draft.order.first_tasks(target) for target in routes if target))
    return not draft.order.first_tasks(said.node.id) & draft.order.downstream(followed)


def _dead_ends(draft: Draft, outcomes: Outcomes) -> Iterator[Problem]:
    dead = dict.fromkeys(draft.tasks.keys() - outcomes.of()[1], "")
    for decision in _looked_into(draft, "decide_action"):
        if scenarios := _scenarios(draft, decision):
            running = set[str]().union(*(outcomes.of(forced)[1] for forced in scenarios))
            dead |= dict.fromkeys(draft.tasks.keys() - running - dead.keys(), decision.id)
    after_dead = draft.order.downstream(dead)
    for task_id in draft.tasks:
        if task_id in dead and task_id not in after_dead:
            yield _dead(draft, draft.tasks[task_id], dead[task_id])


def _scenarios(draft: Draft, decision: Node) -> list[Mapping[str, States]]:
    """Return, for each choice that a decision has, the tasks that it skips: all after it but those it leads to."""
    targets = draft.order.after.get(decision.id, ())
    return [dict.fromkeys(draft.order.unchosen(decision.id, target), _SKIPPED) for target in targets]


def _dead(draft: Draft, node: Node, decision: str) -> Problem:
    rule = _rule(draft, node)
    message = f"'{node.id}' never runs: nothing that the tasks before it can come to satisfies {rule}"
    hint = "choose another trigger_rule"
    if decision:
        message = f"'{node.id}' never runs: with {rule} it waits for tasks of which '{decision}' always skips one"
        hint = "write trigger_rule: none_failed_min_one_success"
    key = "trigger_rule" if "trigger_rule" in node.data else "depends_on"
    return draft.layers.problem((*node.path, key), "unreachable", message, hint, at_key=key == "depends_on")


def check_triggers(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each retraining that would not wait for the severity that calls for it."""
    for decision in draft.with_operator("decide_action"):
        for said in draft.tree.spoken_by[decision.id]:
            task = draft.tasks.get(said.target or "")
            if said.after and task and task.operator == "trigger_retraining" and said.path[-1] in _NO_REASON:
                message = f"{called(said.path)}: severity {said.path[-1]} is no reason to retrain"
                yield draft.layers.problem(said.path, "needless-retraining", message, "name a task that tells of it")
    for node in draft.with_operator("trigger_retraining"):
        if _rule(draft, node) in _REGARDLESS:
            path = (*node.path, "trigger_rule")
            path = path if "trigger_rule" in node.data else ("trigger_rule",)
            message = f"{called(path)}: with {_rule(draft, node)}, '{node.id}' retrains whatever the severity is"
            yield draft.layers.problem(path, "needless-retraining", message, "remove it")


def check_promotion(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each promotion that could run although an evaluation before it did not succeed."""
    promotions = [*_looked_into(draft, "promote_to_production"), *_rollbacks_forward(draft)]
    evaluations = _looked_into(draft, "evaluate_model")
    if not promotions or (outcomes := _outcomes(draft)) is None:
        return
    for promotion in promotions:
        before = [node.id for node in evaluations if promotion.id in draft.order.downstream([node.id])]
        if before:
            yield from _ways_past(draft, outcomes, promotion, before)
        elif promotion.operator == "rollback_model":
            path = (*promotion.path, "version")
            message = f"{called(path)}: '{promotion.id}' may serve a version just trained, and nothing evaluates it"
            hint = "promote it after evaluate_model; without version, the one that was there before is brought back"
            yield draft.layers.problem(path, "unproven-model", message, hint)


def _rollbacks_forward(draft: Draft) -> Iterator[Node]:
    """Return the rollbacks that may name a version which this same pipeline has trained: promotions in disguise."""
    trained = draft.order.downstream([node.id for node in _looked_into(draft, "train_model")])
    for node in _looked_into(draft, "rollback_model"):
        if node.id in trained and "version" in node.data:
            yield node


def _ways_past(draft: Draft, outcomes: Outcomes, promotion: Node, before: list[str]) -> Iterator[Problem]:
    usual = outcomes.of()[0]
    ways = [("failed", {evaluation: frozenset({"failed"})}) for evaluation in before]
    if before and all("skipped" in usual[evaluation] for evaluation in before):
        ways.append(("was skipped", dict.fromkeys(before, _SKIPPED)))
    for what, forced in ways:
        running = outcomes.of(forced)[1]
        if promotion.id in running:
            evaluation = next(iter(forced))
            culprit = _regardless(draft, evaluation, promotion.id, running)
            yield _way_past(draft, draft.tasks[culprit], promotion, f"'{evaluation}' {what}")
            return


def _regardless(draft: Draft, evaluation: str, promotion: str, running: set[str]) -> str:
    """Return the first task after an evaluation that runs all the same and leads to the promotion."""
    after: dict[str, list[str]] = {}
    for name, before in draft.order.upstream.items():
        for other in before:
            after.setdefault(other, []).append(name)
    waiting, seen = [evaluation], {evaluation}
    for current in waiting:
        for name in after.get(current, ()):
            if name in running and (name == promotion or promotion in draft.order.downstream([name])):
                return name
            if name not in running and name not in seen:
                seen.add(name)
                waiting.append(name)
    return promotion


def _way_past(draft: Draft, culprit: Node, promotion: Node, what: str) -> Problem:
    rule = _rule(draft, culprit)
    own = (*culprit.path, "trigger_rule")
    path = ("trigger_rule",) if "trigger_rule" not in culprit.data and "trigger_rule" in draft.layers.data else own
    message = f"{called(own)}: with {rule}, '{promotion.id}' runs even if {what}: an unproven model in production"
    hint = "remove this trigger_rule: promotion must wait for a successful evaluation"
    if culprit is not promotion:
        message = (
            f"{called(own)}: with {rule}, '{culprit.id}' runs even if {what}, and '{promotion.id}' after it: "
            "an unproven model in production"
        )
        hint = f"remove this trigger_rule, or let '{promotion.id}' depend on the evaluation too"
    return draft.layers.problem(path, "unproven-model", message, hint)
