"""Ending the demo's servers, on real processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from driftgate.demo.processes import stop, stop_leftovers

# Starts another process at the very moment it is told to end, as Airflow does when it is interrupted while it starts.
STARTS_ONE_MORE_WHEN_INTERRUPTED = """
import signal, subprocess, sys, time

def leave(number, frame):
    late = subprocess.Popen(["sleep", "600"])
    print(late.pid, flush=True)
    sys.exit()

signal.signal(signal.SIGINT, leave)
print("ready", flush=True)
time.sleep(600)
"""


def leader(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_process_started_during_the_ending_is_ended_too() -> None:
    process = leader(STARTS_ONE_MORE_WHEN_INTERRUPTED)
    stop([process.pid])
    assert process.stdout is not None
    late = int(process.stdout.readline())
    assert is_gone(process.pid)
    assert is_gone(late)


def test_the_orphans_of_a_dead_server_are_cleared_up(tmp_path: Path) -> None:
    process = leader(STARTS_ONE_MORE_WHEN_INTERRUPTED)
    created = psutil.Process(process.pid).create_time()
    process.send_signal(2)
    assert process.stdout is not None
    late = int(process.stdout.readline())
    process.wait()
    notes = tmp_path / "state" / "processes.json"
    notes.parent.mkdir()
    notes.write_text(f'{{"demo": [{process.pid}, {created}], "servers": [[{process.pid}, {created}]]}}')
    assert stop_leftovers(tmp_path) == 1
    assert is_gone(late)
    assert not notes.exists()


def test_a_later_process_with_the_number_of_a_noted_one_is_left_alone(tmp_path: Path) -> None:
    stranger = leader("print('ready', flush=True); import time; time.sleep(600)")
    notes = tmp_path / "state" / "processes.json"
    notes.parent.mkdir()
    notes.write_text(f'{{"demo": [{os.getpid()}, 1.0], "servers": [[{stranger.pid}, {time.time() - 10_000}]]}}')
    assert stop_leftovers(tmp_path) == 0
    assert stranger.poll() is None
    stranger.kill()
