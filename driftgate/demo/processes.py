"""The demo's servers as child processes: started, waited for, and ended without leaving one behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from driftgate.demo.environment import REPOSITORY, State, whole_environment
from driftgate.errors import Outage, UserMistake

STOP_SECONDS = 15


@dataclass(frozen=True)
class Service:
    """One server: how to start it, and what answers once it is ready."""

    name: str
    port: str
    command: tuple[str, ...]
    health: str  # path of a URL that answers 200; empty: an open port is enough
    patience: float = 120


def services(state: State) -> list[Service]:
    """MLflow, the model API, the mail box and Airflow, in the order of their starting."""
    python, home = sys.executable, state.path
    mlflow = (
        python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(state.port("mlflow")),
        "--workers", "1", "--backend-store-uri", f"sqlite:///{home}/mlflow.db",
        "--artifacts-destination", str(home / "mlflow-artifacts"),
    )  # fmt: skip
    api = (python, "-m", "driftgate", "serve", "--port", str(state.port("api")))
    mail = (python, "-m", "driftgate.demo.mailbox", str(state.port("smtp")), str(home / "mail"))
    return [
        Service("Airflow", "airflow", (python, "-m", "airflow", "standalone"), "/api/v2/monitor/health", 240),
        Service("MLflow", "mlflow", mlflow, "/health"),
        Service("model API", "api", api, "/health"),
        Service("mail box", "smtp", mail, ""),
    ]


class Child:
    """A started service."""

    def __init__(self, service: Service, state: State) -> None:
        self.service = service
        self.state = state
        self.url = state.url(service.port)
        self.log = state.path / "logs" / f"{service.name.lower().replace(' ', '-')}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._open_port = ("127.0.0.1", state.port(service.port))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 (commands of our own)
                service.command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=REPOSITORY,
                env=whole_environment(state),
                start_new_session=True,  # Ctrl-C reaches us alone, and we end the children in order
            )

    def ready(self) -> bool:
        """Whether it answers; Outage when it has ended instead."""
        self.require_alive()
        if not self.service.health:
            return is_open(self._open_port)
        try:
            return requests.get(self.url + self.service.health, timeout=5).ok
        except requests.RequestException:
            return False

    def require_alive(self) -> None:
        """Raise Outage, with the end of its log, when the process has ended."""
        if (code := self.process.poll()) is not None:
            raise Outage(f"{self.service.name} ended with exit code {code}. The end of {self.log}:\n{tail(self.log)}")


def is_open(address: tuple[str, int]) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def require_free_ports(state: State) -> None:
    """Raise UserMistake naming every port of the demo that is taken."""
    taken = [f"{state.port(s.port)} ({s.name})" for s in services(state) if is_open(("127.0.0.1", state.port(s.port)))]
    if taken:
        raise UserMistake(
            f"port {', '.join(taken)} is in use by another program (a demo in another window?); "
            "end it, or move the demo: make demo ARGS='--port-offset 100'"
        )


@contextmanager
def running(state: State, report: Callable[[Child, float], None]) -> Iterator[list[Child]]:
    """Run all services for the length of a with block; ``report`` hears of each that is ready, and its seconds."""
    require_free_ports(state)
    children: list[Child] = []
    try:
        started = time.monotonic()
        for service in services(state):
            children.append(Child(service, state))
            _note(state, children)
        _wait(children, started, report)
        _note(state, children)
        yield list(children)
    finally:
        stop([child.process.pid for child in children])
        _notes(state.path).unlink(missing_ok=True)


def _wait(children: list[Child], started: float, report: Callable[[Child, float], None]) -> None:
    waiting = list(children)
    while waiting:
        for child in list(waiting):
            elapsed = time.monotonic() - started
            if child.ready():
                report(child, elapsed)
                waiting.remove(child)
            elif elapsed > child.service.patience:
                raise Outage(f"{child.service.name} is not ready after {elapsed:.0f} s; see {child.log}")
        time.sleep(0.2)


def stop(pids: list[int]) -> None:
    """End processes and all that they started: asked with SIGINT, killed when they linger or Ctrl-C comes again."""
    family = _family(pids)
    for pid in pids:
        _signal(pid, signal.SIGINT)
    with suppress(KeyboardInterrupt):
        psutil.wait_procs(family, timeout=STOP_SECONDS)
    # Looked up anew: a server interrupted while it starts may have started more in the meantime, and left them.
    deadline = time.monotonic() + 5
    while (lingering := {*_family(pids), *filter(_is_alive, family)}) and time.monotonic() < deadline:
        for process in lingering:
            _signal(process.pid, signal.SIGKILL)
        psutil.wait_procs(lingering, timeout=0.5)


def _family(pids: list[int]) -> list[psutil.Process]:
    """The living among these processes, their descendants, and whoever is in a session that one of them leads.

    An orphan is no descendant any more, but stays in the session.
    """
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, OSError):
            if process.pid in pids or os.getsid(process.pid) in pids:
                found.update((process, *process.children(recursive=True)))
    return [process for process in found if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _notes(home: Path) -> Path:
    return home / "state" / "processes.json"


def _note(state: State, children: list[Child]) -> None:
    """Remember what runs, so that the next start can clear up after a demo that was killed."""
    family = _family([child.process.pid for child in children])
    notes = {"demo": _mark(psutil.Process()), "servers": [_mark(process) for process in family]}
    _notes(state.path).parent.mkdir(exist_ok=True)
    _notes(state.path).write_text(json.dumps(notes))


def _mark(process: psutil.Process) -> list[float]:
    return [process.pid, process.create_time()]


def stop_leftovers(home: Path) -> int:
    """End what a killed demo left running; returns how many processes that were.

    Raises UserMistake when that demo was not killed but still runs.
    """
    try:
        notes = json.loads(_notes(home).read_text())
    except (FileNotFoundError, ValueError):
        return 0
    if _lives(*notes["demo"]):
        raise UserMistake(f"a demo is running already, as process {notes['demo'][0]}; end it there with Ctrl-C")
    left = _family([int(pid) for pid, created in notes["servers"] if _is_ours(pid, created)])
    stop(sorted(process.pid for process in left))
    _notes(home).unlink()
    return len(left)


def _lives(pid: float, created: float) -> bool:
    """Whether the process that was noted still runs."""
    return psutil.pid_exists(int(pid)) and _is_ours(pid, created) and _is_alive(psutil.Process(int(pid)))


def _is_ours(pid: float, created: float) -> bool:
    """Whether no later process has that number; a dead leader's is kept free for as long as its session lives."""
    try:
        return abs(psutil.Process(int(pid)).create_time() - created) < 1
    except psutil.NoSuchProcess:
        return True
