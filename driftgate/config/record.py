"""What a DAG in Airflow says of the configuration that it was built from, to whoever asks Airflow's REST API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from driftgate import __version__
from driftgate.config.model import Pipeline

KEY = "driftgate"  # in the DAG's default_args: no operator has a parameter of this name


@dataclass(frozen=True)
class Record:
    """The configuration of one pipeline, merged from all its files; without the defaults of the language."""

    version: str  # of the Driftgate that built it
    environment: str  # "" for none
    file: str  # the pipeline's own, as messages call it
    pipeline: Mapping[str, Any]


def record_of(pipeline: Pipeline, environment: str) -> dict[str, Any]:
    """Return the record of ``pipeline`` as JSON has it."""
    merged = {key: value for key, value in pipeline.written.items() if key != "extends"}  # that is done
    return vars(Record(__version__, environment, pipeline.file, merged))


def read_record(found: Any) -> Record | None:
    """Return what ``record_of`` made; None for anything else."""
    try:
        return Record(str(found["version"]), str(found["environment"]), str(found["file"]), dict(found["pipeline"]))
    except (KeyError, TypeError, ValueError):
        return None
