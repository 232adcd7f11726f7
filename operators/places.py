"""Where the values of a pipeline stand in its files."""

from __future__ import annotations

from collections.abc import Callable


def nowhere(*path: str | int) -> str:
    """Stands in for the position lookup of a pipeline that was not built from a file."""
    return ".".join(str(key) for key in path)


def place(locate: Callable[..., str], *path: str | int) -> str:
    """Return where a value stands; its dotted path when its file cannot be read: a message must not fail for that."""
    try:
        return locate(*path)
    except Exception:
        return nowhere(*path)
