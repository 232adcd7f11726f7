"""The operators that come with Airflow."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

from driftgate.config.standard import OPERATORS, path_of


def test_the_table_is_what_the_provider_has() -> None:
    sdk = pytest.importorskip("airflow.sdk")
    found = {}
    for package in ("operators", "sensors"):
        parent = import_module(f"airflow.providers.standard.{package}")
        for info in pkgutil.iter_modules(parent.__path__, f"{parent.__name__}."):
            for name, value in vars(import_module(info.name)).items():
                is_operator = isinstance(value, type) and issubclass(value, sdk.BaseOperator)
                if is_operator and value.__module__ == info.name and not name.startswith("_"):
                    found[name] = f"{info.name}.{name}"

    assert found == OPERATORS


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("BashOperator", "BashOperator"), ("bash", "BashOperator"), ("bash_operator", "BashOperator"),
        ("PythonOperater", "PythonOperator"), ("DummyOperator", "EmptyOperator"), ("file_sensor", "FileSensor"),
        ("trigger_dagrun", "TriggerDagRunOperator"), ("spark", None), ("log_statsu", None),
    ],
)  # fmt: skip
def test_an_operator_is_known_by_its_names(name: str, operator: str | None) -> None:
    assert path_of(name) == (OPERATORS[operator] if operator else None)
