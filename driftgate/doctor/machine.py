"""Look at this machine: versions, secrets of Airflow, clocks, disks."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from driftgate import __version__
from driftgate.doctor.finding import Finding, failed, ok, skipped, warning
from driftgate.doctor.surroundings import ELSEWHERE, has_airflow_settings

SHOWN = {"apache-airflow": "Airflow", "mlflow": "MLflow", "scikit-learn": "scikit-learn", "dag-factory": "dag-factory"}
CLOCK_WARNING, CLOCK_FAILED = timedelta(seconds=3), timedelta(seconds=10)  # Airflow's tokens allow ten seconds
GIGABYTE = 1_000_000_000
DISK_WARNING, DISK_FAILED = 5 * GIGABYTE, GIGABYTE


def versions(repository: Path) -> Iterator[Finding]:
    """The packages here, against constraints.txt where that is at hand."""
    area = "Versions"
    installed = {name: _version(name) for name in SHOWN}
    there = ", ".join(f"{SHOWN[name]} {found}" for name, found in installed.items() if found)
    seen = f"Driftgate {__version__}, Python {sys.version.split()[0]}" + (f", {there}" if there else "")
    if (own := _version("driftgate")) and own != __version__:
        yield warning(
            area, f"{seen}; but version {own} is installed", "install it anew: make install, or docker-compose build"
        )
    else:
        yield ok(area, seen)
    constraints = repository / "constraints.txt"
    if not constraints.exists():
        yield skipped(area, f"there is no {constraints} to compare with")
    elif others := differing(constraints.read_text(encoding="utf-8")):
        shown = ", ".join(others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "")
        yield warning(area, f"not as in constraints.txt: {shown}", "make install, or docker-compose build")
    else:
        yield ok(area, "all packages are as in constraints.txt")


def differing(constraints: str) -> list[str]:
    """Return ``name installed (wanted)`` for each package here that constraints.txt wants otherwise."""
    wanted: dict[str, set[str]] = {}  # several versions where they depend on the Python
    for name, number in re.findall(r"^([\w.-]+)==([\w.!+-]+)", constraints, re.MULTILINE):
        wanted.setdefault(name, set()).add(number)
    found = {name: _version(name) for name in wanted}
    return [
        f"{name} {found[name]} ({' or '.join(sorted(numbers))})"
        for name, numbers in wanted.items()
        if found[name] and found[name] not in numbers
    ]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def secrets() -> Iterator[Finding]:
    """The keys that Airflow's components must share."""
    area = "Secrets"
    if not has_airflow_settings():
        yield skipped(area, "this shell has none of Airflow's settings", ELSEWHERE)
        return
    try:
        from airflow.configuration import conf
    except Exception as error:  # a wrong setting of Airflow's makes its import fail in many ways
        yield skipped(area, f"Airflow's settings cannot be read here: {error}")
        return
    yield _fernet(conf.get("core", "fernet_key", fallback=""))
    for section, key in (("api_auth", "jwt_secret"), ("api", "secret_key")):
        chosen = any(f"AIRFLOW__{section}__{key}{kind}".upper() in os.environ for kind in ("", "_CMD", "_SECRET"))
        if chosen and conf.get(section, key):
            yield ok(area, f"[{section}] {key} is set")
        else:
            name = f"AIRFLOW__{section}__{key}_CMD".upper()
            yield warning(area, f"[{section}] {key} is not set for all components alike", f"set {name} everywhere")


def _fernet(key: str) -> Finding:
    from cryptography.fernet import Fernet

    try:
        Fernet(key.split(",")[0].encode())
    except ValueError:
        todo = "set AIRFLOW__CORE__FERNET_KEY_CMD; without it passwords of connections lie open in the database"
        return failed("Secrets", "[core] fernet_key is absent or no key", todo)
    return ok("Secrets", "[core] fernet_key is a key")


def clocks(offsets: dict[str, timedelta]) -> Iterator[Finding]:
    """The clocks of the servers, against ours."""
    for name, offset in sorted(offsets.items()):
        seconds = offset.total_seconds()
        if abs(offset) < CLOCK_WARNING:
            continue
        seen = f"{name}'s is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the one here"
        judge = failed if abs(offset) >= CLOCK_FAILED else warning
        yield judge("Clock", seen, "switch on time synchronisation (NTP) on both machines; tokens expire by the clock")
    if offsets and all(abs(offset) < CLOCK_WARNING for offset in offsets.values()):
        yield ok("Clock", f"those of {', '.join(sorted(offsets))} agree with the one here")


def disks() -> Iterator[Finding]:
    """Free space where Airflow and Driftgate write."""
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    folders = [home / "logs", home, Path(os.environ.get("DRIFTGATE_STATE_DIR") or home), Path.cwd()]
    seen: set[int] = set()
    for folder in folders:
        if folder.exists() and (device := folder.stat().st_dev) not in seen:
            seen.add(device)
            yield _disk(folder)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / GIGABYTE:.1f} GB free at {folder}"
    if free >= DISK_WARNING:
        return ok("Disk", text)
    judge = failed if free < DISK_FAILED else warning
    return judge("Disk", text, "remove old logs: airflow db clean, and docs/operations.md; or enlarge the disk")
