"""The demo itself, as a newcomer runs it; minutes long, and the last word on whether everything fits together."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.demo

OFFSET = 310  # away from the ports of a demo that a person may be running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def start(home: Path, *options: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return subprocess.Popen(
        [sys.executable, "-m", "driftgate", "demo", "--port-offset", str(OFFSET), *options],
        env={**environment, "DRIFTGATE_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(home: Path, *options: str) -> tuple[int, str]:
    demo = start(home, *options)
    output, _ = demo.communicate(timeout=400)
    return demo.returncode, output


def plan_of_the_deployed() -> str:
    """What ``driftgate plan --deployed`` says of the demo's Airflow."""
    command = [
        sys.executable,
        "-m",
        "driftgate",
        "plan",
        "--deployed",
        "--airflow",
        f"http://127.0.0.1:{8080 + OFFSET}",
    ]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def until(demo: subprocess.Popen[str], words: str) -> str:
    """Read the demo's output until a line holds ``words``."""
    assert demo.stdout is not None
    lines: list[str] = []
    for line in demo.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    pytest.fail("the demo ended early:\n" + "".join(lines))


def servers(home: Path) -> list[psutil.Process]:
    """Every process of the demo in ``home``, by what its command line or environment says."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DRIFTGATE_HOME") == str(home) and process.pid != os.getpid():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture(scope="module", autouse=True)
def no_process_outlives_the_tests(home: Path) -> Iterator[None]:
    yield
    for process in servers(home):
        process.kill()


def test_the_whole_story_holds_and_leaves_no_process_behind(home: Path) -> None:
    code, output = run(home, "--exit")
    assert code == 0, output
    assert "version 1 of ml_monitor is in production and served" in output
    assert "none → critical → none" in output
    assert re.search(r"alias production moved on\s+│ version 1 → 2", output), output
    assert servers(home) == []


def test_a_killed_demo_is_cleared_up_by_the_next_which_goes_on_from_its_state(home: Path) -> None:
    demo = start(home)
    try:
        until(demo, "Ctrl-C stops everything")
        assert "Nothing changes: every pipeline in the working tree runs as before." in plan_of_the_deployed()
    finally:
        demo.kill()
        demo.wait()
    assert servers(home)
    code, output = run(home, "--exit")
    assert code == 0, output
    assert re.search(r"Ended \d+ processes that an earlier demo left behind", output)
    assert output.count("seen before") == 4
    assert servers(home) == []


def test_while_one_demo_runs_a_second_is_refused_and_ctrl_c_ends_the_first(home: Path) -> None:
    demo = start(home)
    try:
        until(demo, "model API")
        code, output = run(home, "--exit")
        assert code == 1
        assert f"a demo is running already, as process {demo.pid}" in output
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(60)
    assert servers(home) == []
