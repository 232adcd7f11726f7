from __future__ import annotations

import time
from pathlib import Path

from driftgate.config.load import load_all
from driftgate.errors import Problem

TASK = "    operator: log_status\n    message: hi\n"


def problems(folder: Path, text: str) -> list[Problem]:
    (folder / "pipelines").mkdir(exist_ok=True)
    (folder / "pipelines" / "x.yaml").write_text(f"dag_id: x\nschedule: null\n{text}", encoding="utf-8")
    return list(load_all(folder, env="").problems)


def test_an_independent_mistake_is_told_beside_a_misplaced_line(tmp_path: Path) -> None:
    found = problems(tmp_path, f"retries: many\ntasks:\n  one:\n{TASK}two:\n{TASK}")

    assert [(problem.line, problem.code) for problem in found] == [(3, "wrong-type"), (8, "indentation")]


def test_a_task_without_an_operator_is_not_taken_for_a_misplaced_line(tmp_path: Path) -> None:
    found = problems(tmp_path, f"tasks:\n  one:\n{TASK}  two:\n    level: info\n")

    assert [problem.code for problem in found] == ["missing-key"]


def test_an_unknown_key_at_the_top_stays_one(tmp_path: Path) -> None:
    found = problems(tmp_path, f"tasks:\n  one:\n{TASK}notes: x\n")

    assert [problem.code for problem in found] == ["unknown-key"]


def test_many_broken_pipelines_take_little_time(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    for number in range(100):
        text = f"dag_id: p{number}\nschedule: null\ntasks:\n  one:\n{TASK}two:\n{TASK}"
        (tmp_path / "pipelines" / f"p{number}.yaml").write_text(text, encoding="utf-8")
    started = time.process_time()

    assert len(load_all(tmp_path, env="").problems) == 100
    assert time.process_time() - started < 10
