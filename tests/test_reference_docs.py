"""docs/reference.md says what the schemas say."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftgate.config import schemas
from driftgate.config.reference import reference
from driftgate.config.templates import DRIFT

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"


def test_the_page_is_current() -> None:
    command = "python -m driftgate.config.reference > docs/reference.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), f"run {command}"


@pytest.mark.parametrize("key", schemas.envelope()["properties"])
def test_every_key_of_a_pipeline_is_in_it(key: str) -> None:
    text = reference()

    assert f"| `{key}` |" in text or f"### {key}\n" in text or f"## {key.capitalize()}\n" in text


@pytest.mark.parametrize("operator", schemas.operators())
def test_every_operator_and_its_parameters_are_in_it(operator: str) -> None:
    _, _, after = reference().partition(f"\n### {operator}\n")
    section = after.partition("\n### ")[0]

    assert [name for name in schemas.parameters(operator)["properties"] if f"| `{name}` |" not in section] == []


def test_what_is_required_is_called_so() -> None:
    assert "| `message` | text | **required** | The line to write. |" in reference()


def test_no_cell_breaks_its_table() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| ")]

    assert {len(row.replace(r"\|", "").split("|")) for row in rows if "`" in row} <= {4, 7}


@pytest.mark.parametrize("field", DRIFT)
def test_what_a_message_may_say_of_drift_is_in_it(field: str) -> None:
    assert f"`{{{{ drift.{field} }}}}`" in reference()


def test_what_operators_need_is_in_it() -> None:
    text = reference()

    assert "Needs the sections [`dataset`](#dataset), [`model`](#model), [`gates`](#gates), and a task with" in text
    assert "Needs a task with operator [`check_drift`](#check_drift) somewhere before it." in text
