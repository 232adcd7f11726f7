"""``driftgate rollback``: the model that was in production before, back in service."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from driftgate.cli.arguments import argument

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

DESCRIPTION = """\
Bring an earlier version of a model back into production and into service.

MLflow's alias moves, the model API reloads and is asked until it answers with that version; when it does not,
everything is put back as it was. The version withdrawn is marked: a cleared task cannot promote it again.
A rollback that was killed is completed by the next; one to another version that is under way is waited for.
"""
EPILOG = """\
Examples:
  driftgate rollback ml_monitor
  driftgate rollback ml_monitor --to 7

Reads MLFLOW_TRACKING_URI, DRIFTGATE_API_URL and DRIFTGATE_API_TOKEN; in a shell with the demo's environment
(eval "$(driftgate env)") they are set. Without them, where Airflow runs, its connections mlflow_default and model_api
tell. In a pipeline, the operator rollback_model does the same.
"""
ARGUMENTS = (
    argument("model", metavar="MODEL", help="the registered model's name"),
    argument("--to", metavar="VERSION", help="the version to bring back (default: the one before)"),
    argument("--force", action="store_true", help="also a version that was never in production"),
    argument("--api", metavar="URL", help="the model API (default: $DRIFTGATE_API_URL, or http://127.0.0.1:8000)"),
    argument("--timeout", metavar="DURATION", default="60s", help="how long the API may take (default: 60s)"),
)


def run(args: Namespace) -> int:
    """Roll back; returns 0, also when there was nothing to do."""
    from driftgate.cli import servers
    from driftgate.cli.arguments import UsageError
    from driftgate.durations import is_duration, parse_duration
    from driftgate.errors import DriftgateError, NothingToDo
    from driftgate.services.rollback import instead_of, roll_back

    if not is_duration(args.timeout):
        raise UsageError(f"--timeout: {args.timeout} is no duration, such as 60s")
    tracking, api = servers.mlflow(), servers.model_api(args.api)
    try:
        done = roll_back(tracking, api, args.model, args.to, parse_duration(args.timeout), force=args.force)
    except NothingToDo as nothing:
        print(nothing)
        return 0
    except DriftgateError as error:
        _note(tracking, "failed", f"could not roll {args.model} back: {error}")
        raise
    before = f"before it was {done['from']}" if done["from"] else "it had been in production, but not served"
    print(f"Version {done['version']} of {done['model']} is in production and served; {before}")
    reason = f"brought version {done['version']} of {done['model']} back{instead_of(done)}"
    _note(tracking, "rolled back", reason, done)
    return 0


def _note(tracking: str, outcome: str, reason: str, done: Mapping[str, Any] | None = None) -> None:
    """Write into the ledger who did it; a ledger that does not take it is told, and nothing else."""
    import getpass
    from datetime import UTC, datetime

    from driftgate.errors import DriftgateError
    from driftgate.services.ledger import Decision, Entry, Ledger

    now = datetime.now(UTC)
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # nobody of that number has a name, as in some containers
        user = "somebody"
    entry = Entry(
        Decision("rollback", outcome, f"{user} {reason}", done or {}), now, run=f"{user} {now:%Y-%m-%dT%H:%M:%SZ}"
    )
    try:
        Ledger(tracking).write(entry)
    except DriftgateError as error:
        print(f"note: the ledger did not take it: {error}", file=sys.stderr)
