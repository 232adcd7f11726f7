"""Pipelines that were found good before: what has not changed since need not be checked again.

A pipeline's key covers all that its outcome depends on: the bytes of its files, the chosen environment, the
code and the schemas that checked it and, where the check looked at other pipelines too, the whole configuration.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from driftgate import __version__
from driftgate.config import schemas
from driftgate.config.folder import Folder
from driftgate.errors import Problem

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Checked:
    """A pipeline that was found good."""

    key: str
    files: tuple[str, ...]  # that it is made of, as messages call them; some need not exist
    beyond: bool  # whether the check looked at other pipelines
    data: Mapping[str, Any]  # the effective configuration
    warnings: tuple[Problem, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Checked:
        """Return what ``as_json`` made; KeyError or TypeError if it is something else."""
        warnings = tuple(Problem(*fields) for fields in data["warnings"])
        return cls(data["key"], tuple(data["files"]), data["beyond"], data["data"], warnings)

    def as_json(self) -> dict[str, Any]:
        """Return this as plain data."""
        return {**vars(self), "warnings": [astuple(problem) for problem in self.warnings]}


Known = Mapping[str, Checked]  # the pipeline's own file, as messages call it → what is known of it


def key_of(folder: Folder, files: Iterable[str], *, beyond: bool) -> str:
    """Return the key, at this moment, of a pipeline made of ``files``."""
    environment = folder.environment.file if folder.environment else ""
    digest = hashlib.blake2b(f"{_code()}\0{environment}\0".encode(), digest_size=16)
    for file in files:
        digest.update(f"{file}\0{folder.digest(file)}\0".encode())
    if beyond:
        digest.update(folder.whole.encode())
    return digest.hexdigest()


@cache
def _code() -> str:
    """What the outcome of a check depends on beside the configuration: ourselves."""
    modules = (*_PACKAGE.glob("*.py"), *(_PACKAGE / "config").glob("*.py"))
    marks = [
        (path.name, stat.st_size, stat.st_mtime_ns)
        for path in sorted((*modules, *schemas.schema_dir().rglob("*.json")))
        if (stat := path.stat())
    ]
    return hashlib.blake2b(repr((__version__, sys.version_info, marks)).encode(), digest_size=16).hexdigest()
