"""The outermost floor: what went wrong becomes a line and an exit code, never a traceback."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

from driftgate.errors import DriftgateError
from driftgate.paint import paint_for

OK, PROBLEMS, USAGE, BUG = 0, 1, 2, 3
INTERRUPTED, NOBODY_READS = 130, 141  # as a shell counts the signals INT and PIPE


def guarded(run: Callable[[], int]) -> int:
    """Return the exit code of ``run``, whatever it raises."""
    _write_anything()
    try:
        return _finished(run)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return NOBODY_READS
    except DriftgateError as error:
        return _tell(error)
    except Exception as error:
        return _tell_of_bug(error)


def write(text: str) -> None:
    """Write ``text`` to standard output, now: whoever reads it may have left, and a disk may be full."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _forget_output()
        raise DriftgateError(f"the output cannot be written: {error.strerror}") from error


def _finished(run: Callable[[], int]) -> int:
    try:
        code = run()
    except SystemExit as stop:  # argparse, after --help
        code = stop.code if isinstance(stop.code, int) else OK
    write("")
    return code


def _tell(error: DriftgateError) -> int:
    from driftgate.cli.arguments import UsageError

    sys.stdout.flush()
    print(f"{paint_for(sys.stderr)('error', 'error:')} {error}", file=sys.stderr)
    return USAGE if isinstance(error, UsageError) else PROBLEMS


def _tell_of_bug(error: Exception) -> int:
    import traceback

    text = "".join(traceback.format_exception(error))
    if os.environ.get("DRIFTGATE_DEBUG"):
        print(text, end="", file=sys.stderr)
        return BUG
    what = " ".join(traceback.format_exception_only(error)[-1].split())
    line = f"{paint_for(sys.stderr)('error', 'error:')} a bug in Driftgate: {what[:200]}; {_keep(text)}"
    print(line, file=sys.stderr)
    return BUG


def _keep(text: str) -> str:
    """Keep the traceback in a file; returns where, or what to do instead."""
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="driftgate-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as stream:
            stream.write(f"{sys.argv}\n{sys.version}\n\n{text}")
    except OSError:
        return "DRIFTGATE_DEBUG=1 shows the details"
    return f"the details are in {stream.name}"


def _write_anything() -> None:
    """Neither a closed stream nor a character that the terminal cannot show is a reason to fail."""
    sys.stdout, sys.stderr = (stream or io.StringIO() for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Keep Python from writing at its exit what nobody reads."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
