"""Every file in config/pipelines/ becomes an Airflow DAG here.

Airflow runs this module when it parses DAGs and once more at the start of every task. A broken file stops no
pipeline: it is reported by invalid_pipelines.py, and its DAG stays as it was last good. As a script it lists
what it found and exits with 1 when anything is wrong:

    python dags/generate.py
"""

from __future__ import annotations

import signal
import sys
from os.path import relpath

from airflow.sdk import get_parsing_context

from driftgate.config.load import config_dir
from driftgate.config.report import render_text
from driftgate.publish import publish, publish_one

DIRECTORY = config_dir(__file__)


def main() -> int:
    """List pipelines, schedules, tasks and problems."""
    published = publish(DIRECTORY)
    for dag in published.dags.values():
        source = relpath(dag.yaml_source, DIRECTORY.parent)
        print(f"{dag.dag_id}  ({source}, schedule {dag.schedule or 'manual'})")
        for task in dag.topological_sort():
            after = ", ".join(sorted(task.upstream_task_ids))
            print(f"  {task.task_id}" + (f"  after {after}" if after else ""))
    if published.problems:
        print("\n" + render_text(published.problems, DIRECTORY.parent), file=sys.stderr)
    return 1 if any(problem.severity == "error" for problem in published.problems) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it without a word
    sys.exit(main())

_wanted = get_parsing_context().dag_id  # a starting task needs its own DAG only
globals().update((publish_one(_wanted, DIRECTORY) if _wanted else publish(DIRECTORY)).dags)
