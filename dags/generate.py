"""Every file in config/pipelines/ becomes an Airflow DAG here.

Airflow runs this module when it parses DAGs and once more at the start of every task. A broken file stops no
other pipeline: it is left out here and reported by invalid_pipelines.py. As a script it lists what it found
and exits with 1 when anything is wrong:

    python dags/generate.py
"""

from __future__ import annotations

import sys

from airflow.sdk import get_parsing_context

from driftgate.build import build_dag
from driftgate.config.load import Loaded, config_dir, load_all, load_one
from driftgate.config.report import render_text


def find() -> Loaded:
    """Load the one pipeline that a starting task belongs to, or all of them."""
    wanted = get_parsing_context().dag_id
    return load_one(wanted, config_dir()) if wanted else load_all(config_dir())


def main() -> int:
    """List pipelines, schedules, tasks and problems."""
    loaded = find()
    for pipeline in loaded.pipelines:
        print(f"{pipeline.dag_id}  ({pipeline.file}, schedule {pipeline.schedule or 'manual'})")
        for task in build_dag(pipeline).topological_sort():
            after = ", ".join(sorted(task.upstream_task_ids))
            print(f"  {task.task_id}" + (f"  after {after}" if after else ""))
    if loaded.problems:
        print("\n" + render_text(loaded.problems, config_dir().parent), file=sys.stderr)
    return 1 if any(problem.severity == "error" for problem in loaded.problems) else 0


if __name__ == "__main__":
    sys.exit(main())

for _pipeline in find().pipelines:
    globals()[_pipeline.dag_id] = build_dag(_pipeline)
