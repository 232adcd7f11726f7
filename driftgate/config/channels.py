"""What a channel for alerts must have beyond what all channels have in common: it depends on its type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from driftgate.config import schemas
from driftgate.config.conform import Finding, Schema
from driftgate.config.draft import Draft, mapping
from driftgate.config.layers import Layers
from driftgate.config.sentences import explain
from driftgate.config.words import KeyPath, dotted
from driftgate.errors import Problem

_SECRET = re.compile(r"authorization|api-?key|token|secret|password|cookie", re.IGNORECASE)
_PATH: KeyPath = ("alerts", "channels")


def check_types(layers: Layers) -> Iterator[Problem]:
    """Return a problem for each key that a channel of its type needs and lacks, or has and cannot use."""
    for name, channel in mapping(mapping(layers.data.get("alerts")).get("channels")).items():
        kind = mapping(channel).get("type")
        if isinstance(kind, str) and (rules := schemas.channel(kind)):
            yield from _check_type(layers, (*_PATH, name), channel, rules)


def _check_type(layers: Layers, path: KeyPath, channel: dict[str, Any], rules: Schema) -> Iterator[Problem]:
    yield from explain(Finding(path, "required", rules["required"], channel, rules), layers)
    known = schemas.definition("channel")["properties"]
    for key in channel:
        if key in known and key not in rules["properties"]:
            kind = channel["type"]
            message = f"{dotted((*path, key))}: a channel of type {kind} has no '{key}'"
            hint = f"remove it; keys of type {kind}: {', '.join(sorted(rules['properties']))}"
            yield layers.problem((*path, key), "unknown-key", message, hint, at_key=True)


def check_secrets(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each header that by its name holds a secret: the file is no place for one."""
    for name, channel in mapping(draft.section("alerts").get("channels")).items():
        for header in mapping(mapping(channel).get("headers")):
            if _SECRET.search(header):
                path = (*_PATH, name, "headers", header)
                message = f"{dotted(path)}: a secret must not stand in a file that everybody can read"
                hint = (
                    "move it to the Airflow connection: its password is sent as bearer token, "
                    '{"headers": {…}} in its extra as headers'
                )
                yield draft.layers.problem(path, "secret-in-file", message, hint, at_key=True)
