"""Every operator is one class, one schema and one line, and the three agree."""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from operators import OPERATORS

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
SECTIONS = {"dataset", "quality", "model", "gates", "psi", "alerts"}


def constructor(dotted: str) -> dict[str, inspect.Parameter]:
    module, _, name = dotted.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    return {name: parameter for name, parameter in parameters.items() if name != "kwargs"}


def schema(short: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SCHEMAS / "operators" / f"{short}.schema.json").read_text())
    return content


def test_the_registry_is_alphabetical() -> None:
    assert list(OPERATORS) == sorted(OPERATORS)


def test_each_operator_has_a_schema_and_each_schema_an_operator() -> None:
    assert {path.name.removesuffix(".schema.json") for path in (SCHEMAS / "operators").iterdir()} == set(OPERATORS)


@pytest.mark.parametrize("short", OPERATORS)
def test_constructor_and_schema_know_the_same_parameters(short: str) -> None:
    parameters = set(constructor(OPERATORS[short])) - SECTIONS
    assert parameters == set(schema(short).get("properties", {}))


@pytest.mark.parametrize("short", OPERATORS)
def test_what_the_schema_requires_the_constructor_requires(short: str) -> None:
    needed = {name for name, p in constructor(OPERATORS[short]).items() if p.default is p.empty} - SECTIONS
    described = schema(short)
    assert set(described.get("required", [])) <= needed
    with_default = {name for name, value in described.get("properties", {}).items() if "default" in value}
    assert needed - set(described.get("required", [])) <= with_default


@pytest.mark.parametrize("short", OPERATORS)
def test_defaults_are_the_same_in_both(short: str) -> None:
    properties = schema(short).get("properties", {})
    for name, parameter in constructor(OPERATORS[short]).items():
        if name in properties and parameter.default not in (parameter.empty, None):
            assert properties[name].get("default") == parameter.default, name


@pytest.mark.parametrize("short", OPERATORS)
def test_the_sections_that_an_operator_takes_are_those_that_validation_asks_for(short: str) -> None:
    from driftgate.config.semantics import NEEDS_SECTION

    taken = {name for name, p in constructor(OPERATORS[short]).items() if name in SECTIONS and p.default is p.empty}
    assert taken <= set(NEEDS_SECTION.get(short, ()))


def test_importing_the_operators_imports_no_heavy_library() -> None:
    import subprocess
    import sys

    modules = sorted({dotted.rpartition(".")[0] for dotted in OPERATORS.values()})
    heavy = ("mlflow", "sklearn", "pandas", "pandera", "pyarrow", "skops")
    code = f"import sys, {', '.join(modules)}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
