"""What only the classes of other Airflow operators can tell, where Airflow is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from driftgate.config.load import Loaded
from driftgate.config.model import Pipeline


def with_operators_checked(loaded: Loaded, directory: Path) -> Loaded:
    """Return ``loaded`` with what building its pipelines finds, for those with operators that are not our own.

    Without Airflow, and without such pipelines, that is ``loaded`` itself: nothing is imported.
    """
    foreign = [pipeline for pipeline in loaded.pipelines if has_foreign_operators(pipeline)]
    if not foreign or not find_spec("airflow"):
        return loaded
    with _quiet_airflow():
        from driftgate.publish import unbuildable

        found = unbuildable(foreign, directory)
    broken = {problem.file for problem in found}
    usable = tuple(pipeline for pipeline in loaded.pipelines if pipeline.file not in broken)
    return Loaded(usable, tuple(sorted({*loaded.problems, *found})))


def has_foreign_operators(pipeline: Pipeline) -> bool:
    """Whether some task's operator is given by its dotted path."""
    return any("." in task.operator for task in pipeline.tasks)


def airflow_is_missing(pipelines: Sequence[Pipeline]) -> bool:
    """Whether there is something to check that only an installed Airflow could."""
    return any(map(has_foreign_operators, pipelines)) and not find_spec("airflow")


@contextmanager
def _quiet_airflow() -> Iterator[None]:
    """Keep Airflow from writing: log lines among ours, and its folder into the home of somebody who has none."""
    import atexit
    import logging
    import shutil
    import tempfile
    import warnings

    os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    if "AIRFLOW_HOME" not in os.environ and not Path("~/airflow").expanduser().exists():
        home = tempfile.mkdtemp(prefix="driftgate-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        os.environ["AIRFLOW_HOME"] = home
    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)
