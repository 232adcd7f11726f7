"""Whether the rows to hold out are chosen so that the gates tell what production will be like."""

from __future__ import annotations

from collections.abc import Iterator

from driftgate.config.draft import Draft, mapping
from driftgate.config.sentences import flow
from driftgate.config.words import KeyPath, dotted
from driftgate.errors import Problem


def check_split(draft: Draft) -> Iterator[Problem]:
    """Return a problem for dates that are the target, and for a random split of data that have dates."""
    dataset, model = draft.section("dataset"), draft.section("model")
    by = mapping(model.get("split")).get("by")
    yield from _check_target(draft, ("dataset", "timestamp_column"), dataset.get("timestamp_column"))
    yield from _check_target(draft, ("model", "split", "by"), by)
    column = dataset.get("timestamp_column")
    if isinstance(column, str) and "split" not in model and draft.with_operator("train_model"):
        message = (
            f"model holds out rows at random although '{column}' says when each was made: on data that drifts, "
            "a gate then passes models that fail in production"
        )
        hint = f"add split: {{by: {flow(column)}}} to hold out the newest rows, or split: {{by: null}} to keep it so"
        yield draft.layers.problem(("model",), "random-split", message, hint, at_key=True, severity="warning")


def _check_target(draft: Draft, path: KeyPath, column: object) -> Iterator[Problem]:
    if isinstance(column, str) and column == draft.section("dataset").get("target"):
        message = f"{dotted(path)} and dataset.target are both '{column}'; the one is left out, the other is predicted"
        yield draft.layers.problem(path, "column-twice", message, "name the column that says when a row was made")
