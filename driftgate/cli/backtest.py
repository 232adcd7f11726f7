"""``driftgate backtest``: what other settings would have decided."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from driftgate.cli.arguments import CONFIG, ENVIRONMENT, UsageError, argument, one_of
from driftgate.cli.guard import write
from driftgate.paint import paint_for

if TYPE_CHECKING:
    from argparse import Namespace

    from driftgate.backtest.model import Backtest
    from driftgate.config.model import Pipeline
    from driftgate.services.history import History

DESCRIPTION = """\
Replay recorded drift through a pipeline, as it is and as it would be: how long drift was how severe, who would have
been told, and when a retraining would have started.

Severity, routes, alerts and the guard are decided by the code that decides in production. The history comes from the
model API, from the ledger, or from a file with columns at, psi, samples and features.NAME. A replay keeps the
recorded PSI: a retraining would have changed what followed.
"""
EPILOG = """\
Examples:
  driftgate backtest drift_monitoring                              on what the model API remembers
  driftgate backtest drift_monitoring --ledger                     on what its own runs found (see explain)
  driftgate backtest drift_monitoring --history drift.csv
  driftgate backtest drift_monitoring --set psi.critical=0.3       beside the present settings
  driftgate backtest drift_monitoring --set tasks.trigger_retraining.guard.cooldown=12h --set psi.moderate=0.2
  driftgate backtest drift_monitoring --grid psi.critical=0.2:0.4:0.05
  driftgate backtest drift_monitoring --history drift.csv --plot drift.png

Exit code: 0 replayed, 1 the pipeline, a proposed value or the history has errors, 2 the command line is wrong.
"""
_WEEK = "7d"  # as far as the model API tells of single hours
_MONTHS = "90d"
ARGUMENTS = (
    argument("dag_id", nargs="?", metavar="DAG_ID", help="name of the pipeline: that of its file, without .yaml"),
    argument("--history", metavar="FILE", help="a .csv or .parquet file instead of what the model API remembers"),
    argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="KEY=VALUE",
        help="try this value, as YAML has it; can be repeated, all of them together are one proposal",
    ),
    argument(
        "--grid",
        action="append",
        default=[],
        dest="grids",
        metavar="KEY=FIRST:LAST:STEP",
        help="try each of these values; can be repeated, for every combination",
    ),
    argument(
        "--format",
        type=one_of("text", "json", "markdown"),
        default="text",
        metavar="FORMAT",
        help="text, json or markdown (default text)",
    ),
    argument("--plot", metavar="FILE", help="draw the PSI, its bands and the decisions into a .png, .svg or .pdf"),
    argument("--api", metavar="URL", help="the model API (default: $DRIFTGATE_API_URL, or http://127.0.0.1:8000)"),
    argument("--ledger", action="store_true", help="what the pipeline's own runs found, as MLflow keeps it"),
    argument("--window", metavar="DURATION", help="how far back to ask (default: model API 7d, ledger 90d)"),
    ENVIRONMENT,
    CONFIG,
)


def run(args: Namespace) -> int:
    """Print what comes of it; returns 1 when the pipeline has errors, or nothing that is proposed is valid."""
    from driftgate.backtest.proposals import Unreadable
    from driftgate.backtest.replay import NoMonitor
    from driftgate.config.report import render_problem
    from driftgate.errors import ConfigError
    from driftgate.garbage import no_garbage_collection

    directory = _directory(args)
    try:
        with no_garbage_collection():
            test = _make(args, directory)
    except (NoMonitor, Unreadable) as error:
        raise UsageError(str(error)) from error
    except ConfigError as error:
        paint = paint_for(sys.stderr)
        told = [render_problem(problem, directory.parent, paint) for problem in error.problems]
        print("\n\n".join(told), file=sys.stderr)
        return 1
    write(_render(args.format, test))
    if args.plot:
        _plot(test, Path(args.plot))
    return 0


def _directory(args: Namespace) -> Path:
    from driftgate.cli.configuration import choose, missing_pipeline

    directory = choose(args.config)
    if args.dag_id is None:
        raise missing_pipeline(directory)
    return directory


def _make(args: Namespace, directory: Path) -> Backtest:
    """Return the backtest; what is cheap to check comes first, and the model API last."""
    from driftgate.backtest.making import backtest, present
    from driftgate.backtest.proposals import proposals
    from driftgate.cli.configuration import choose_environment, unknown_pipeline
    from driftgate.config.load import environment_name, find_pipelines

    if args.plot:
        from driftgate.views.backtest_plot import check_plottable

        check_plottable(Path(args.plot))
    asked = proposals(args.sets, args.grids)
    env = choose_environment(args.env, directory)
    path = next((path for path in find_pipelines(directory) if path.stem == args.dag_id), None)
    if path is None:
        raise unknown_pipeline(args.dag_id, directory)
    pipeline = present(path, directory, env)
    return backtest(pipeline, directory, environment_name() if env is None else env, asked, _history(args, pipeline))


def _history(args: Namespace, pipeline: Pipeline) -> History:
    from driftgate.cli import servers
    from driftgate.durations import is_duration
    from driftgate.services.history import load_api, load_file

    if args.history is not None:
        for option, value in (("--api", args.api), ("--window", args.window), ("--ledger", args.ledger)):
            if value:
                raise UsageError(f"--history and {option}: one of them")
        return load_file(Path(args.history))
    if args.window is not None and not is_duration(args.window):
        raise UsageError(f"--window: {args.window} is no duration, such as 30d")
    if args.ledger:
        return _from_ledger(args, pipeline)
    return load_api(servers.model_api(args.api), args.window or _WEEK)


def _from_ledger(args: Namespace, pipeline: Pipeline) -> History:
    from datetime import UTC, datetime

    from driftgate.cli import servers
    from driftgate.durations import parse_duration
    from driftgate.services.history import load_ledger
    from driftgate.services.ledger import Ledger

    if args.api:
        raise UsageError("--ledger and --api: one of them")
    since = datetime.now(UTC) - parse_duration(args.window or _MONTHS)
    return load_ledger(Ledger(servers.mlflow()), pipeline.dag_id, since)


def _render(kind: str, test: Backtest) -> str:
    if kind == "json":
        from driftgate.views.backtest_data import backtest_data

        return json.dumps(backtest_data(test), indent=2, ensure_ascii=False) + "\n"
    if kind == "markdown":
        from driftgate.views.backtest_markdown import backtest_markdown

        return backtest_markdown(test)
    from driftgate.views.backtest_text import backtest_text

    return backtest_text(test, paint_for(sys.stdout))


def _plot(test: Backtest, path: Path) -> None:
    """Draw; what is said of it is no part of the output, which a program may read."""
    from driftgate.views.backtest_plot import MOST_PANELS, draw

    left_out = draw(test, path)
    more = f": the first {MOST_PANELS}, without {left_out} more" if left_out else ""
    print(f"{path} is drawn{more}", file=sys.stderr)
