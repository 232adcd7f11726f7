"""Asking a person at a terminal for what the command line leaves open."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from driftgate.cli.arguments import UsageError, did_you_mean
from driftgate.paint import paint_for


def somebody_is_there() -> bool:
    """Tell whether questions can be asked: not in a script, nor in a pipe."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, default: str = "", choices: Sequence[str] = ()) -> str:
    """Return the answer to ``question``, asked again until there is one that will do.

    Raises UsageError when the input ends.
    """
    while True:
        answer = _answer(question, default) or default
        if answer and (not choices or answer in choices):
            return answer
        if answer:
            _say(f"  {did_you_mean(answer, choices) or 'one of ' + ', '.join(choices)}")


def _answer(question: str, default: str) -> str:
    paint = paint_for(sys.stderr)
    sys.stderr.write(f"{paint('heading', question)}{f' [{default}]' if default else ''}: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        _say("")
        raise UsageError("the input ended before every question was answered")
    return line.strip()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
