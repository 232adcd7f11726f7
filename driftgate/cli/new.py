"""``driftgate new``: a pipeline to begin with."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftgate.cli.arguments import UsageError, argument, did_you_mean, one_of
from driftgate.cli.guard import write
from driftgate.paint import paint_for

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from driftgate.config.model import Pipeline
    from driftgate.errors import Problem
    from driftgate.scaffold.quality import Proposal

DESCRIPTION = """\
Write the file of a new pipeline: valid, complete, with comments, and never over one that is there.

--from retraining looks at the data and proposes quality rules that they keep today (ranges, gaps, the values that
may occur), a limit for their age that fits the schedule, and a gate to begin with. On a terminal it asks for what
is left open; in scripts the options say it.
"""
EPILOG = """\
Examples:
  driftgate new                                asks for everything
  driftgate new churn --from retraining --dataset data/churn.parquet --target churned
  driftgate new churn_drift --from drift --pipeline churn
  driftgate new cleanup --from blank --schedule "0 3 * * *"

Exit code: 0 written, 1 not written, since the data or a value do not allow it, 2 when the command line is wrong.
"""
KINDS = ("retraining", "drift", "blank")
SCHEDULES = {"retraining": "@weekly", "drift": "@hourly", "blank": "null"}
ARGUMENTS = (
    argument("dag_id", nargs="?", metavar="DAG_ID", help="name of the pipeline, and of its file"),
    argument("--from", dest="kind", type=one_of(*KINDS), metavar="KIND", help="retraining, drift or blank"),
    argument("--dataset", metavar="URI", help="retraining: parquet or CSV file, a path or any fsspec URL"),
    argument("--target", metavar="NAME", help="retraining: the column to predict"),
    argument("--model", metavar="NAME", help="retraining: its name in the model registry (default: DAG_ID)"),
    argument("--no-look", action="store_true", help="retraining: do not read the data, which may not be there yet"),
    argument("--pipeline", metavar="DAG_ID", help="drift: the pipeline to start when drift is critical"),
    argument("--schedule", metavar="WHEN", help="preset, cron expression, interval or null (default: by kind)"),
    argument("--config", metavar="DIR", help="the configuration's folder (default: config/ here or above)"),
)


def run(args: Namespace) -> int:
    """Write the file; returns 1 when what was asked for makes no valid pipeline."""
    from driftgate.cli.configuration import short

    directory = _home(args.config)
    dag_id = _dag_id(args.dag_id, directory)
    kind = args.kind or _open("--from", "What kind of pipeline", SCHEDULES, "retraining", choices=KINDS)
    text, proposal = _TEXTS[kind](args, dag_id, directory)
    text = _schema_line(directory) + text
    path = directory / "pipelines" / f"{dag_id}.yaml"
    pipeline, problems = _checked(text, dag_id, directory)
    if pipeline is None:
        _tell(problems, directory)
        return 1
    _write(path, text)
    notes = [*(proposal.notes if proposal else ()), *_warnings(path, directory)]
    write(_report(short(path), dag_id, proposal, notes))
    return 0


def _schema_line(directory: Path) -> str:
    """Return what editors find the schema by, where it lies beside the configuration as in this repository."""
    schema = directory.parent / "schemas" / "pipeline.schema.json"
    return "# yaml-language-server: $schema=../../schemas/pipeline.schema.json\n" if schema.is_file() else ""


def _home(chosen: str | None) -> Path:
    """Return the configuration to write to; never one that only lies beside the program."""
    from driftgate.cli.configuration import absolute, nearest

    if chosen is None and (found := nearest()):
        return found
    if chosen is None:
        raise UsageError("there is no config/pipelines here or above; say where to write with --config DIR")
    if Path(chosen).exists() and not Path(chosen).is_dir():
        raise UsageError(f"--config: {chosen} is no folder")
    return absolute(Path(chosen))


def _dag_id(given: str | None, directory: Path) -> str:
    from driftgate.cli.configuration import short
    from driftgate.config import schemas
    from driftgate.config.conform import findings
    from driftgate.config.load import find_pipelines

    dag_id = given or _open("DAG_ID", "Name of the pipeline")
    rule = schemas.envelope()["properties"]["dag_id"]
    if next(findings(dag_id, rule), None) or dag_id.startswith("."):
        raise UsageError(f"'{dag_id}' cannot be a pipeline's name: {rule['patternErrorMessage']}")
    for path in find_pipelines(directory):
        if path.stem == dag_id:
            raise UsageError(
                f"there is a pipeline '{dag_id}' already, in {short(path)}; choose another name, or edit it"
            )
    return dag_id


def _open(flag: str, question: str, known: Any = (), default: str = "", choices: Sequence[str] = ()) -> str:
    """Return what the command line left open: the answer of whoever is there, else an error."""
    from driftgate.cli.asking import ask, somebody_is_there

    if not somebody_is_there():
        more = f" ({', '.join(known)})" if known else ""
        raise UsageError(f"{flag} is missing{more}; nobody is there to be asked")
    return ask(question + (f" ({', '.join(choices)})" if choices else ""), default, choices)


def _schedule(args: Namespace, kind: str) -> str | None:
    from driftgate.cli.asking import ask, somebody_is_there

    if args.schedule is None and somebody_is_there():
        args.schedule = ask("Schedule (preset, cron expression, interval, or null)", SCHEDULES[kind])
    schedule = SCHEDULES[kind] if args.schedule is None else args.schedule
    return None if schedule == "null" else str(schedule)


def _retraining(args: Namespace, dag_id: str, directory: Path) -> tuple[str, Proposal | None]:
    from driftgate.scaffold.freshness import max_age
    from driftgate.scaffold.templates import Retraining

    dataset = args.dataset or _open("--dataset", "Data (parquet or CSV, path or URL)")
    table = None if args.no_look else _table(dataset)
    columns = [] if table is None else [str(name) for name in table.columns]
    target = args.target or _open("--target", "Column to predict", columns[:12])
    if columns and target not in columns:
        hint = did_you_mean(target, columns) or f"there are {', '.join(columns[:12])}"
        raise UsageError(f"--target: the data have no column '{target}'; {hint}")
    proposal = None
    if table is not None:
        from driftgate.scaffold.quality import propose

        proposal = propose(table, target)
    schedule = _schedule(args, "retraining")
    model = args.model or dag_id
    return Retraining(dag_id, schedule, dataset, target, model, max_age(schedule), proposal).text(), proposal


def _table(dataset: str) -> Any:
    from driftgate.errors import DriftgateError
    from driftgate.services.data import read_table

    try:
        return read_table(dataset)
    except DriftgateError as error:
        raise type(error)(f"{error}\n  --no-look writes the file without reading the data") from error


def _drift(args: Namespace, dag_id: str, directory: Path) -> tuple[str, Proposal | None]:
    from driftgate.config.load import find_pipelines
    from driftgate.scaffold.templates import Drift

    known = [path.stem for path in find_pipelines(directory)]
    pipeline = args.pipeline or _open("--pipeline", "Pipeline to start when drift is critical", known)
    return Drift(dag_id, _schedule(args, "drift"), pipeline, _channels(directory)).text(), None


def _channels(directory: Path) -> list[str]:
    """Return the alert channels that every pipeline has."""
    from driftgate.config.draft import mapping
    from driftgate.config.folder import Folder

    defaults = Folder(directory, "").defaults.data
    return sorted(mapping(mapping(defaults.get("alerts")).get("channels")))


def _blank(args: Namespace, dag_id: str, directory: Path) -> tuple[str, Proposal | None]:
    from driftgate.scaffold.templates import Blank

    return Blank(dag_id, _schedule(args, "blank")).text(), None


_TEXTS = {"retraining": _retraining, "drift": _drift, "blank": _blank}


def _checked(text: str, dag_id: str, directory: Path) -> tuple[Pipeline | None, list[Problem]]:
    """Return the pipeline that ``text`` makes in the configuration, and its problems, as of the file to be."""
    from driftgate.config.load import load_pipeline
    from driftgate.errors import ConfigError

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{dag_id}.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            return load_pipeline(path, directory, os.environ.get("DRIFTGATE_ENV", "")), []
        except ConfigError as error:
            name = f"{directory.name}/pipelines/{dag_id}.yaml"
            own = path.as_posix()
            return None, [replace(each, file=name if each.file == own else each.file) for each in error.problems]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already, and is not written over") from None
    except OSError as error:
        from driftgate.errors import UserMistake

        raise UserMistake(f"{path} cannot be written: {error.strerror}") from error


def _warnings(path: Path, directory: Path) -> list[str]:
    """Return what the validator has to say of a file in which nothing is wrong."""
    from driftgate.config.load import load_all

    name = path.relative_to(directory.parent).as_posix()
    found = [problem for problem in load_all(directory).problems if problem.file == name]
    return [f"line {problem.line}: {problem.message}; {problem.hint}" for problem in found]


def _tell(problems: Sequence[Problem], directory: Path) -> None:
    from driftgate.config.report import render_text

    print("error: this would be no valid pipeline; nothing is written\n", file=sys.stderr)
    print(render_text(problems, directory.parent, paint_for(sys.stderr)), end="", file=sys.stderr)


def _report(name: str, dag_id: str, proposal: Proposal | None, notes: Sequence[str]) -> str:
    paint = paint_for(sys.stdout)
    looked = ""
    if proposal:
        looked = f", with rules for {len(proposal.columns)} columns from {proposal.rows} rows of data"
    lines = [f"{paint('good', 'written:')} {name}{looked}", *(f"{paint('warning', 'note:')} {note}" for note in notes)]
    steps = (f"driftgate show {dag_id} --graph", "driftgate validate", "driftgate plan")
    return "\n".join([*lines, "next:", *(f"  {step}" for step in steps)]) + "\n"
