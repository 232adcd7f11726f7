"""Every command: where it is, what it does in a line, and a first example. Imports none of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from argparse import Namespace

    from driftgate.cli.arguments import Argument


class Entry(NamedTuple):
    """What the help says of a command."""

    group: str
    summary: str
    example: str
    extra: str = ""  # what has to be installed for it: ``pip install 'driftgate[extra]'``


class Command(Protocol):
    """What the module of a command must have; its docstring's first line is no part of the help."""

    DESCRIPTION: str
    EPILOG: str
    ARGUMENTS: Sequence[Argument]

    def run(self, args: Namespace) -> int:
        """Do it; returns the exit code."""


CHECK, RUN, LEARN = "Write and check pipelines", "Run them", "Type less"

COMMANDS: dict[str, Entry] = {
    "backtest": Entry(
        CHECK,
        "Say what other thresholds would have decided, on recorded drift",
        "driftgate backtest drift_monitoring --set psi.critical=0.3",
        "ml",
    ),
    "completion": Entry(LEARN, "Let your shell complete all of this", 'eval "$(driftgate completion bash)"'),
    "demo": Entry(RUN, "Train, serve, watch, retrain: the whole story on this machine", "driftgate demo", "demo"),
    "doctor": Entry(RUN, "Look at a deployment, and say what to do about what is wrong", "driftgate doctor", "airflow"),
    "env": Entry(RUN, "Print the demo's environment, for a shell", 'eval "$(driftgate env)"', "demo"),
    "explain": Entry(RUN, "Say why something happened: drift, gates, promotions", "driftgate explain --kind guard"),
    "new": Entry(
        CHECK, "Write a pipeline to begin with, from your data", "driftgate new churn --from retraining", "ml"
    ),
    "plan": Entry(CHECK, "Say what an edit changes, before it is merged", "driftgate plan --base main"),
    "rollback": Entry(RUN, "Bring the model before back into service", "driftgate rollback ml_monitor", "ml"),
    "serve": Entry(RUN, "Serve the model in production over HTTP", "driftgate serve --port 8000", "serve"),
    "show": Entry(CHECK, "Show a pipeline as it runs, or its graph", "driftgate show drift_monitoring --graph"),
    "traffic": Entry(RUN, "Send the demo's model something to predict on", "driftgate traffic --shift", "demo"),
    "validate": Entry(CHECK, "Check the configuration: every problem, with its line", "driftgate validate"),
}


def load(name: str) -> Command:
    """Import the module of the command ``name``."""
    return cast("Command", import_module(f"driftgate.cli.{name}"))
