"""What a schema cannot say: references, order, ranges and dates. Works on any data, however wrong its types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from driftgate.config import schemas
from driftgate.config.alarms import check_alarms
from driftgate.config.channels import check_secrets
from driftgate.config.conform import findings
from driftgate.config.draft import Draft, mapping, sequence
from driftgate.config.estimators import check_estimator
from driftgate.config.foreign import check_foreign
from driftgate.config.hints import how_to_add
from driftgate.config.limits import check_bands, check_columns, check_gates, check_versus
from driftgate.config.mapped import check_expansion
from driftgate.config.params import check_params, required
from driftgate.config.running import check_promotion, check_reachable, check_triggers
from driftgate.config.source import MAX_PROBLEMS
from driftgate.config.splits import check_split
from driftgate.config.templates import check_templates
from driftgate.config.timing import check_assets, check_cooldown, check_retries, check_timing
from driftgate.config.wiring import (
    check_cycles,
    check_ids,
    check_references,
    check_trigger_rules,
    check_upstream,
)
from driftgate.config.words import KeyPath, called, closest, listing, shorten, show, suggest
from driftgate.errors import Problem

# operator → the sections it works on
NEEDS_SECTION: dict[str, tuple[str, ...]] = {
    "check_data_freshness": ("dataset",),
    "check_drift": ("psi",),
    "decide_action": ("psi",),
    "evaluate_model": ("dataset", "model", "gates"),
    "promote_to_production": ("model",),
    "restart_api_service": ("model",),
    "rollback_model": ("model",),
    "send_alert": ("alerts",),
    "train_model": ("dataset", "model"),
    "validate_data_quality": ("dataset", "quality"),
}


def check(draft: Draft) -> list[Problem]:
    """Return everything that is wrong with the configuration beyond its schema."""
    return [problem for checker in _CHECKS for problem in islice(checker(draft), MAX_PROBLEMS)]


def _check_name(draft: Draft) -> Iterator[Problem]:
    dag_id = draft.layers.data.get("dag_id")
    if isinstance(dag_id, str) and dag_id != draft.stem:
        message = f"dag_id must equal the file's name, '{shorten(draft.stem)}', not {show(dag_id)}"
        fits = not any(findings(draft.stem, schemas.envelope()["properties"]["dag_id"]))
        hint = (
            f"write dag_id: {draft.stem}, or rename the file" if fits else f"rename the file to {shorten(dag_id)}.yaml"
        )
        yield draft.layers.problem(("dag_id",), "dag-id-not-file-name", message, hint)


def _check_sections_present(draft: Draft) -> Iterator[Problem]:
    properties = schemas.envelope()["properties"]
    misspelt = {closest(key, schemas.sections()) for key in draft.layers.data if key not in properties}
    for section in schemas.sections():
        nodes = [node for node in draft.tasks.values() if section in NEEDS_SECTION.get(node.operator, ())]
        if nodes and section not in draft.layers.data and section not in misspelt:
            names = list(dict.fromkeys(node.operator for node in nodes))
            work = "works" if len(names) == 1 else "work"
            message = f"{listing(names, 'and')} {work} on the section '{section}', which this pipeline does not have"
            path, hint = (*nodes[0].path, "operator"), how_to_add(section, properties[section])
            yield draft.layers.problem(path, "missing-section", message, hint)


def _check_channels(draft: Draft) -> Iterator[Problem]:
    channels = draft.section("alerts").get("channels", {})
    misspelt = [key for key in draft.section("alerts") if key != "channels" and closest(key, ["channels"])]
    if not isinstance(channels, dict) or misspelt or not isinstance(draft.layers.data.get("alerts", {}), dict):
        return  # told already
    for path, names in _channel_lists(draft):
        for index, name in enumerate(names):
            if isinstance(name, str) and name not in channels:
                message = f"{called((*path, index))}: there is no alert channel '{name}'"
                declared = f", which has {', '.join(channels)}" if channels else ""
                hint = suggest(name, channels, f"declare it in alerts.channels{declared}")
                yield draft.layers.problem((*path, index), "unknown-channel", message, hint)


def _channel_lists(draft: Draft) -> Iterator[tuple[KeyPath, list[object]]]:
    for event in schemas.alert_events():
        yield ("alerts", event), sequence(draft.section("alerts").get(event))
        for node in draft.tasks.values():
            yield (*node.path, "alerts", event), sequence(mapping(node.data.get("alerts")).get(event))
    for node in draft.with_operator("send_alert") if "alerts" in draft.layers.data else ():
        yield (*node.path, "channels"), sequence(node.data.get("channels"))
        for index, names in enumerate(sequence(mapping(node.data.get("expand")).get("channels"))):
            yield (*node.path, "expand", "channels", index), sequence(names)
        for index, keys in enumerate(sequence(node.data.get("expand_kwargs"))):
            yield (*node.path, "expand_kwargs", index, "channels"), sequence(mapping(keys).get("channels"))


def _check_retraining(draft: Draft) -> Iterator[Problem]:
    for path, name in _pipelines_named(draft):
        if name == draft.layers.data.get("dag_id"):
            message = f"{called(path)}: a pipeline cannot start itself"
            yield draft.layers.problem(path, "starts-itself", message, "name the pipeline that trains the model")
        elif name not in (known := draft.pipeline_names()):
            message = f"{called(path)}: there is no pipeline '{name}'"
            others = sorted(set(known) - {draft.stem})
            hint = suggest(name, others, f"pipelines: {', '.join(others[:20])}" if others else "")
            yield draft.layers.problem(path, "unknown-pipeline", message, hint)
        elif draft.pipeline_data and (missing := required(draft.pipeline_data(name).get("params"))):
            message = f"{called(path)}: '{name}' cannot be started by another pipeline, for nobody enters its params"
            hint = f"give {listing(missing, 'and')} a default there"
            yield draft.layers.problem(path, "param-required", message, hint)


def _check_freshness(draft: Draft) -> Iterator[Problem]:
    for node in draft.with_operator("check_data_freshness"):
        if draft.section("dataset") and "max_age" not in draft.section("dataset"):
            message = f"{node.id} can never fail: dataset has no max_age"
            hint = how_to_add("max_age", schemas.envelope()["properties"]["dataset"]["properties"]["max_age"])
            yield draft.layers.problem((*node.path, "operator"), "no-max-age", message, hint, severity="warning")


def _check_approvals(draft: Draft) -> Iterator[Problem]:
    for node in draft.with_operator("approval"):
        if not draft.order.downstream([node.id]):
            message = f"nothing waits for {node.id}: whatever is answered, it changes nothing"
            hint = f"write depends_on: [{node.id}] in the task that is to wait"
            yield draft.layers.problem((*node.path, "operator"), "idle-approval", message, hint, severity="warning")


def _pipelines_named(draft: Draft) -> Iterator[tuple[KeyPath, str]]:
    for node in draft.with_operator("trigger_retraining"):
        each = enumerate(sequence(mapping(node.data.get("expand")).get("pipeline")))
        named = [(("pipeline",), node.data.get("pipeline")), *((("expand", "pipeline", i), name) for i, name in each)]
        for path, name in named:
            if isinstance(name, str) and name:
                yield (*node.path, *path), name


_CHECKS: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    _check_name,
    check_timing,
    check_assets,
    check_retries,
    check_params,
    check_ids,
    check_references,
    check_cycles,
    check_expansion,
    check_trigger_rules,
    _check_sections_present,
    check_upstream,
    check_reachable,
    check_promotion,
    check_triggers,
    check_bands,
    check_gates,
    check_versus,
    check_columns,
    check_split,
    _check_channels,
    check_secrets,
    check_estimator,
    _check_retraining,
    check_cooldown,
    check_foreign,
    check_templates,
    _check_freshness,
    _check_approvals,
    check_alarms,
)
