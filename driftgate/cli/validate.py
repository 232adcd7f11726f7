"""``driftgate validate``: every problem of the configuration, where it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from driftgate.cli.arguments import CONFIG, ENVIRONMENT, argument, one_of
from driftgate.cli.guard import write

if TYPE_CHECKING:
    from argparse import Namespace

    from driftgate.cli.check import Findings

DESCRIPTION = """\
Check the configuration: every problem at once, with its file, line and column and what to do about it.

Needs neither Airflow nor a machine-learning library. Where Airflow is installed, the parameters of operators that
are named by their dotted path are checked against their classes too, which takes two seconds more. Without PATH it
checks everything, in each environment; with paths (pipeline files, defaults.yaml, an environment file, folders) only
those and what they inherit.
"""
EPILOG = """\
Examples:
  driftgate validate
  driftgate validate config/pipelines/drift_monitoring.yaml
  driftgate validate --env staging --strict
  driftgate validate --format sarif > driftgate.sarif

Exit code: 0 without errors, 1 with errors (--strict: or warnings), 2 when the command line is wrong.
"""
FORMATS = ("text", "json", "github", "sarif", "junit")
ARGUMENTS = (
    argument("paths", nargs="*", metavar="PATH", help="file or folder to check (default: the whole configuration)"),
    argument(
        "--format",
        type=one_of(*FORMATS),
        default="text",
        metavar="FORMAT",
        help="text, json, github (annotations), sarif (code scanning) or junit (default text)",
    ),
    ENVIRONMENT,
    CONFIG,
    argument("--no-build", action="store_true", help="do not ask the classes of other Airflow operators"),
    argument("--strict", action="store_true", help="count warnings as errors"),
)


def run(args: Namespace) -> int:
    """Print what is wrong; returns 1 if anything is."""
    from driftgate.cli.formats import render

    findings = find(args)
    write(render(args.format, findings, sys.stdout))
    return 1 if findings.failed else 0


def find(args: Namespace) -> Findings:
    """Check what the arguments ask for."""
    from driftgate.cli.check import check_all, check_paths
    from driftgate.cli.configuration import choose, choose_environment

    paths = [Path(path) for path in args.paths]
    directory = choose(args.config, paths)
    build = not args.no_build
    env = choose_environment(args.env, directory)
    findings = check_paths(paths, directory, env, build=build) if paths else check_all(directory, env, build=build)
    return findings.strict() if args.strict else findings
