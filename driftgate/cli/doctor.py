"""``driftgate doctor``: what a deployment stands on, looked at, and what to do about what is wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from driftgate.cli.arguments import CONFIG, ENVIRONMENT, argument, one_of
from driftgate.cli.guard import write

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from driftgate.doctor.finding import Finding
    from driftgate.paint import Paint

DESCRIPTION = """\
Look at everything that a deployment stands on: versions, pipelines, secrets, Airflow and its parts, connections,
MLflow, the model API and its token, mail, clocks and disks. Changes nothing and sends no mail.

Best run where Airflow runs, with its environment. Logs in as admin with AIRFLOW_ADMIN_PASSWORD if that is set.
"""
EPILOG = """\
Examples:
  docker exec airflow-scheduler driftgate doctor
  eval "$(driftgate env)" && driftgate doctor                      beside make demo
  driftgate doctor --airflow http://localhost:8080 --mlflow http://localhost:5000 --api http://localhost:8000

Exit code: 0 nothing failed (there may be warnings), 1 something did, 2 the command line is wrong.
"""
ARGUMENTS = (
    argument("--airflow", metavar="URL", default="", help="Airflow's API server (default: from its settings)"),
    argument("--mlflow", metavar="URL", default="", help="MLflow (default: the connection that pipelines name)"),
    argument("--api", metavar="URL", default="", help="the model API; its token from DRIFTGATE_API_TOKEN (likewise)"),
    argument(
        "--format", type=one_of("text", "json"), default="text", metavar="FORMAT", help="text or json (default text)"
    ),
    ENVIRONMENT,
    CONFIG,
)
MARKS = {"ok": ("good", "✓"), "warning": ("warning", "!"), "failed": ("error", "✗"), "skipped": ("quiet", "–")}


def run(args: Namespace) -> int:
    """Examine, and tell; returns 1 when something has failed."""
    from driftgate.cli.configuration import choose, choose_environment
    from driftgate.doctor.examine import examine
    from driftgate.doctor.surroundings import here

    directory = choose(args.config)
    env = choose_environment(args.env, directory)
    findings = examine(here(directory, env, args.airflow, args.mlflow, args.api))
    told = _as_json(findings) if args.format == "json" else _as_text(findings)
    return 1 if "failed" in told else 0


def _as_json(findings: Iterable[Finding]) -> set[str]:
    import json

    found = list(findings)
    write(json.dumps({"findings": [vars(finding) for finding in found]}, indent=2, ensure_ascii=False) + "\n")
    return {finding.status for finding in found}


def _as_text(findings: Iterable[Finding]) -> set[str]:
    """Print each finding as it comes, then how many there are of each kind; returns the kinds."""
    from collections import Counter

    from driftgate.paint import paint_for

    paint = paint_for(sys.stdout)
    counted: Counter[str] = Counter()
    for finding in findings:
        counted[finding.status] += 1
        write(_line(finding, paint))
    write("\n" + ", ".join(f"{counted[status]} {status}" for status in MARKS if counted[status]) + "\n")
    return set(counted)


def _line(finding: Finding, paint: Paint) -> str:
    style, mark = MARKS[finding.status]
    line = f"{paint(style, mark)} {finding.area:<12} {finding.seen}\n"
    return line + (f"               {paint('hint', '→ ' + finding.todo)}\n" if finding.todo else "")
