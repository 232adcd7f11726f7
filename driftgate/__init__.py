"""Driftgate: production ML pipelines on Apache Airflow, from YAML."""

__version__ = "0.1.0"
