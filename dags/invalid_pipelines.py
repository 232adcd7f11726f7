"""Shows broken pipeline files as one import error in the Airflow UI; holds no DAG of its own.

Airflow takes every DAG of a file away when that file fails to import, so generate.py keeps silent about broken
files and this one, which has nothing to lose, speaks for them. It clears by itself once they are mended.
"""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from driftgate.config.load import config_dir
from driftgate.config.report import render_text
from driftgate.errors import InvalidPipelines
from driftgate.publish import problems_of

_directory = config_dir(__file__)
if get_parsing_context().dag_id is None:  # not when a task starts: it came for a DAG
    _errors = [problem for problem in problems_of(_directory) if problem.severity == "error"]
    if _errors:
        raise InvalidPipelines("\n" + render_text(_errors, _directory.parent))
