"""``driftgate show``: a pipeline as it will run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from driftgate.cli.arguments import CONFIG, ENVIRONMENT, UsageError, argument, one_of
from driftgate.cli.guard import write
from driftgate.paint import Paint, paint_for

if TYPE_CHECKING:
    from argparse import Namespace

    from driftgate.config.model import Pipeline
    from driftgate.errors import Problem

DESCRIPTION = """\
Show a pipeline as it will run: merged with what it inherits, every default filled in.

The YAML is a pipeline file of its own, which means the same without anything to inherit from.
"""
EPILOG = """\
Examples:
  driftgate show drift_monitoring
  driftgate show drift_monitoring --origin     where each value comes from
  driftgate show drift_monitoring --graph      the tasks as a tree
  driftgate show drift_monitoring --format mermaid

Exit code: 0 shown, 1 the pipeline has errors, 2 when the command line is wrong.
"""
FORMATS = ("yaml", "json", "mermaid", "graph")
ARGUMENTS = (
    argument("dag_id", nargs="?", metavar="DAG_ID", help="name of the pipeline: that of its file, without .yaml"),
    argument("--origin", action="store_true", help="say beside each value where it was written"),
    argument(
        "--format",
        type=one_of(*FORMATS),
        metavar="FORMAT",
        help="yaml, json, mermaid (graph for Markdown) or graph (for the terminal); default yaml",
    ),
    argument("--graph", action="store_true", help="short for --format graph"),
    ENVIRONMENT,
    CONFIG,
)


def run(args: Namespace) -> int:
    """Print the pipeline; returns 1 when it cannot be, because it has errors."""
    kind = _format(args)
    pipeline = _find(args)
    if pipeline is None:
        return 1
    write(_render(kind, pipeline, origin=args.origin, paint=paint_for(sys.stdout)))
    return 0


def _format(args: Namespace) -> str:
    if args.graph and args.format not in {None, "graph"}:
        raise UsageError(f"--graph and --format {args.format}: one of them")
    kind = "graph" if args.graph else args.format or "yaml"
    if args.origin and kind != "yaml":
        raise UsageError(f"--origin: comments go into YAML, not into {kind}")
    return kind


def _find(args: Namespace) -> Pipeline | None:
    """Return the pipeline that is asked for; None after saying what is wrong with it."""
    from driftgate.cli.configuration import choose, choose_environment, missing_pipeline, unknown_pipeline
    from driftgate.config.load import load_one

    directory = choose(args.config)
    if args.dag_id is None:
        raise missing_pipeline(directory)
    loaded = load_one(args.dag_id, directory, choose_environment(args.env, directory))
    if loaded.pipelines:
        return loaded.pipelines[0]
    if not loaded.problems:
        raise unknown_pipeline(args.dag_id, directory)
    _tell(loaded.problems, directory)
    return None


def _tell(problems: tuple[Problem, ...], directory: Path) -> None:
    from driftgate.config.report import render_text

    print(render_text(problems, directory.parent, paint_for(sys.stderr)), end="", file=sys.stderr)


def _render(kind: str, pipeline: Pipeline, *, origin: bool, paint: Paint) -> str:
    from driftgate.views import effective, graph, mermaid, tree, yaml_text

    if kind == "mermaid":
        return mermaid.mermaid(graph.graph_of(pipeline))
    if kind == "graph":
        return tree.tree(graph.graph_of(pipeline), paint)
    data = effective.effective(pipeline.layers)
    if kind == "json":
        return json.dumps(data, indent=2) + "\n"
    note = (lambda path: effective.origin(pipeline.layers, path)) if origin else None
    return yaml_text.to_yaml(data, note, paint)
