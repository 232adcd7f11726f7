"""``driftgate plan``: what an edit changes, before it is merged."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftgate.cli.arguments import CONFIG, ENVIRONMENT, UsageError, argument, one_of
from driftgate.cli.guard import write
from driftgate.paint import paint_for

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from driftgate.plan.model import PipelineChange, Plan

DESCRIPTION = """\
Say what an edit changes before it is merged: the pipelines as they run (with defaults, environments and extends)
in the working tree, compared with those at a commit.

Names what is added, removed, renamed and changed; the next runs before and after; which limits are tightened or
loosened; the graph before and after; and what follows in Airflow. Comments, order and layout count for nothing.
Files that git does not know yet count like all others. No checkout is touched, and no Airflow is needed. With
--deployed the other side is what a running Airflow has: no git is needed then. It logs in as admin with
AIRFLOW_ADMIN_PASSWORD (admin without).
"""
EPILOG = """\
Examples:
  driftgate plan                         since the work left the main branch; on main: since the last commit
  driftgate plan --base HEAD~3           since another commit, branch or tag
  driftgate plan --deployed              since what Airflow at http://localhost:8080 runs; --airflow URL for another
  driftgate plan --env prod              only as it is with environments/prod.yaml
  driftgate plan --format markdown       for the comment of a pull request
  driftgate plan --fail-on loosened      for CI: exit code 1 when any limit is loosened

Exit code: 0 planned, 1 the working tree has errors or --fail-on found what it is for, 2 there is nothing to
compare with (no git, no such commit, no configuration there, no Airflow that tells) or the command line is wrong.
"""
FORMATS = ("text", "json", "markdown")
FAIL_ON = ("loosened", "removed", "changed")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write it like 2026-01-31T06:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


ARGUMENTS = (
    argument("--base", metavar="REF", help="commit, branch or tag to compare with (default: see above)"),
    argument("--deployed", action="store_true", help="compare with what a running Airflow has, as it says itself"),
    argument("--airflow", metavar="URL", default="", help="Airflow's API server (default: from its settings)"),
    argument(
        "--format",
        type=one_of(*FORMATS),
        default="text",
        metavar="FORMAT",
        help="text, json or markdown (default text)",
    ),
    argument(
        "--fail-on",
        type=one_of(*FAIL_ON),
        action="append",
        default=[],
        metavar="WHAT",
        help="exit with 1 if anything is loosened, removed (a pipeline or a task) or changed at all; can be repeated",
    ),
    argument("--now", type=_moment, metavar="TIME", help="count next runs from this time, in UTC (default: now)"),
    ENVIRONMENT._replace(
        options={**ENVIRONMENT.options, "help": "only this environment (default: $DRIFTGATE_ENV, or all)"}
    ),
    CONFIG,
)


def run(args: Namespace) -> int:
    """Print the plan; returns 1 if the working tree has errors, or if --fail-on finds something."""
    from driftgate.cli.configuration import choose

    directory = choose(args.config)
    plan = (_against_airflow if args.deployed else _against_git)(args, directory)
    write(_render(args.format, plan, directory))
    return 1 if not plan.valid or any(_found(what, plan) for what in args.fail_on) else 0


def _against_git(args: Namespace, directory: Path) -> Plan:
    from driftgate.plan.making import UnknownEnvironment, make_plan
    from driftgate.plan.repository import BaseUnreadable

    if args.airflow:
        raise UsageError("--airflow: say --deployed too, to compare with what that Airflow has")
    env = _environment(args)
    try:
        return make_plan(directory, args.base, [env] if env else None, args.now or datetime.now(UTC))
    except (BaseUnreadable, UnknownEnvironment) as error:
        raise UsageError(str(error)) from error


def _against_airflow(args: Namespace, directory: Path) -> Plan:
    """Compare with what Airflow says; every reason why it does not is one why there is no plan."""
    from driftgate.errors import DriftgateError
    from driftgate.plan.deployed import make_deployed_plan
    from driftgate.services.airflow_api import PASSWORD, USER, AirflowApi, address

    if args.base is not None:
        raise UsageError("--base and --deployed: one of them")
    url = args.airflow.rstrip("/") or address()
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--airflow: {url} is no URL, such as http://{url.rpartition('/')[2] or 'localhost:8080'}")
    airflow = AirflowApi(url, USER, os.environ.get(PASSWORD) or "admin")
    try:
        return make_deployed_plan(directory, airflow, args.env, args.now or datetime.now(UTC))
    except DriftgateError as error:
        hint = f"; set {PASSWORD}" if "refuses user" in str(error) else ""
        raise UsageError(f"{error}{hint}") from error


def _environment(args: Namespace) -> str | None:
    return os.environ.get("DRIFTGATE_ENV") if args.env is None else str(args.env)


def _render(kind: str, plan: Plan, directory: Path) -> str:
    if kind == "json":
        from driftgate.views.plan_data import plan_data

        return json.dumps(plan_data(plan), indent=2, ensure_ascii=False) + "\n"
    if kind == "markdown":
        from driftgate.views.plan_markdown import plan_markdown

        return plan_markdown(plan, directory.parent)
    from driftgate.cli.configuration import short
    from driftgate.views.plan_text import plan_text

    return plan_text(plan, short(directory), directory.parent, paint_for(sys.stdout))


def _found(what: str, plan: Plan) -> bool:
    if what == "changed":
        return not plan.empty
    if what == "loosened":
        return plan.count("loosened") > 0
    gone = any(part.status == "removed" for part in plan.environments)
    return gone or any(_removes(change) for change in plan.all())


def _removes(change: PipelineChange) -> bool:
    """Tell whether a pipeline, or a task or group of one, is no longer there."""
    return change.kind == "removed" or any(each.entry and each.kind == "removed" for each in change.changes)
