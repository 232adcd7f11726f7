"""``driftgate explain``: why something happened, from the ledger of decisions."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftgate.cli.arguments import UsageError, argument, one_of, whole_number
from driftgate.cli.guard import write
from driftgate.errors import UserMistake
from driftgate.paint import paint_for

if TYPE_CHECKING:
    from argparse import Namespace

    from driftgate.services.ledger import Ledger
    from driftgate.services.story import Story

DESCRIPTION = """\
Say why something happened: what was decided, on which numbers, measured against which line of which file.

Every decision of the pipelines is kept in MLflow, in the experiment "driftgate decisions". A run is told together
with the runs that led to it and those it led to: the drift that started a retraining, the gates that the new model
passed, its promotion.
"""
EPILOG = """\
Examples:
  driftgate explain                          the newest decision, and what led to it
  driftgate explain --kind guard             the last time that drift asked for a retraining
  driftgate explain --kind guard --outcome started    … and got it
  driftgate explain --kind promotion         why the model in production is there
  driftgate explain 2026-11-17               all that was decided on that day (UTC)
  driftgate explain drift_monitoring/scheduled__2026-11-17T09:00:00+00:00
  driftgate explain --list                   one line for each decision

Reads MLFLOW_TRACKING_URI, and MLFLOW_TRACKING_USERNAME and …PASSWORD or MLFLOW_TRACKING_TOKEN where MLflow wants
a login; in a shell with the demo's environment (eval "$(driftgate env)") they are set. Without them, where Airflow
runs (docker exec airflow-scheduler driftgate explain), its connection mlflow_default tells.
Exit code: 0 told, 1 there is nothing to tell or MLflow does not answer, 2 when the command line is wrong.
"""
KINDS = ("data", "training", "gate", "approval", "promotion", "service", "rollback", "drift", "route", "guard", "alert")
FORMATS = ("text", "json", "markdown")
ARGUMENTS = (
    argument("run", nargs="?", metavar="RUN", default="latest",
             help="the id of a run, alone or as DAG_ID/RUN_ID; a day, as 2026-11-17; or latest (the default)"),
    argument("--pipeline", metavar="DAG_ID", help="only what this pipeline decided"),
    argument("--kind", type=one_of(*KINDS), metavar="KIND", help=f"the last decision about {', '.join(KINDS)}"),
    argument("--outcome", metavar="WORD", help="with --kind: the last that came out so, as guard: started, or refused"),
    argument("--list", action="store_true", help="one line for each decision, the newest last"),
    argument("--limit", type=whole_number(1, 10_000), metavar="N", default=50, help="list so many (default: 50)"),
    argument("--format", type=one_of(*FORMATS), metavar="FORMAT", default="text", help="text, json or markdown"),
    argument("--tracking-uri", metavar="URL", help="the MLflow server (default: $MLFLOW_TRACKING_URI)"),
)  # fmt: skip


def run(args: Namespace) -> int:
    """Tell; returns 0."""
    ledger = _ledger(args)
    if args.list:
        _list(args, ledger)
        return 0
    story, quiet = _story(args, ledger)
    if not story and not quiet:
        raise UserMistake(f"nothing was decided on {args.run} (UTC)")
    _write(args, story)
    if quiet and args.format == "text":
        runs = "1 run" if quiet == 1 else f"{quiet} runs"
        write(f"{'' if not story else chr(10)}{runs} found nothing to act upon.\n")
    return 0


def _ledger(args: Namespace) -> Ledger:
    from driftgate.cli import servers
    from driftgate.services.ledger import Ledger

    uri = servers.mlflow(args.tracking_uri)
    if not uri.startswith(("http://", "https://")):
        raise UsageError(f"the ledger is read from an MLflow server, and {uri} is no address of one")
    return Ledger(uri)


def _story(args: Namespace, ledger: Ledger) -> tuple[Story, int]:
    from driftgate.services import story

    pipeline, kind = args.pipeline or "", args.kind or ""
    if args.run == "latest":
        return story.latest(ledger, pipeline, kind, args.outcome or ""), 0
    if kind or args.outcome:
        raise UsageError("--kind and --outcome go with latest or --list: a run is told with all that it decided")
    if day := _day(args.run):
        return story.of_day(ledger, day, pipeline)
    named, _, run_id = args.run.partition("/")
    return story.of_run(ledger, *((named, run_id) if run_id else (pipeline, named))), 0


def _day(text: str) -> datetime | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"{text} is no date") from None


def _list(args: Namespace, ledger: Ledger) -> None:
    from driftgate.views.story_text import listing

    pipeline, kind, outcome = args.pipeline or "", args.kind or "", args.outcome or ""
    found = ledger.entries(pipeline=pipeline, kind=kind, outcome=outcome, limit=args.limit)
    if args.format != "text":
        raise UsageError("--list is for people; for programs, leave it out and take --format json")
    write(listing(found, paint_for(sys.stdout)) if found else "There is no decision in the ledger yet.\n")


def _write(args: Namespace, story: Story) -> None:
    from driftgate.views.story_text import story_data, story_markdown, story_text

    if args.format == "json":
        write(json.dumps(story_data(story), indent=2, default=str) + "\n")
    elif args.format == "markdown":
        write(story_markdown(story))
    elif story:
        write(story_text(story, paint_for(sys.stdout)))
