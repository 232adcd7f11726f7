"""A cluster policy for Airflow: the Code tab of our DAGs shows the pipeline's YAML instead of the generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.policies import hookimpl

if TYPE_CHECKING:
    from airflow.sdk import DAG


@hookimpl
def dag_policy(dag: DAG) -> None:
    """Airflow shows the text of ``fileloc`` and runs tasks by ``relative_fileloc``, which stays as it is."""
    if source := getattr(dag, "yaml_source", None):
        dag.fileloc = source
