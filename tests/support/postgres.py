"""A PostgreSQL server of the tests' own, where its programs are found."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = "fsync=off\nsynchronous_commit=off\nfull_page_writes=off\n"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, the newest first."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    on_path = shutil.which("initdb")
    folders = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


@contextmanager
def running(programs: Path) -> Iterator[str]:
    """The URL of a fresh server on loopback; it refuses to run as root, so then it runs as somebody else."""
    user = _harmless_user()
    folder = Path(tempfile.mkdtemp(prefix="driftgate-pg-"))
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    port, data = free_port(), folder / "data"
    options: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    options |= {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    try:
        subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "driftgate", "-N"], **options)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(f"{QUICK}port={port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\n")
        control = [programs / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-l", folder / "log", "start"], **options)
        try:
            yield f"postgresql://driftgate@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _harmless_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]
