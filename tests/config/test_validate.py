from __future__ import annotations

import time

import pytest

from driftgate.config.layers import Layers
from driftgate.config.source import MAX_PROBLEMS, parse
from driftgate.config.validate import validate
from driftgate.errors import Problem


def problems(text: str) -> list[Problem]:
    envelope = "dag_id: x\nschedule: null\n"
    return validate(Layers((parse((envelope + text).encode(), "x.yaml"),)))


def test_a_problem_carries_everything_a_tool_needs() -> None:
    [problem] = problems("tasks:\n  hello:\n    operator: log_status\n    message: hi\n    level: loud\n")

    assert problem == Problem(
        file="x.yaml",
        line=7,
        column=12,
        path="tasks.hello.level",
        code="not-a-choice",
        message="tasks.hello.level must be info, warning or error, not the text 'loud'",
    )


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("'0,95'", "write 0.95"),
        ("'0.95'", "write 0.95 without quotes"),
        ("95 %", "write 0.95"),
        (".95", "write 0.95"),
        ("1_0", "write 10"),
        ("high", "Passes when the metric is greater than this. Example: 0.9"),
        ("inf", "Passes when the metric is greater than this. Example: 0.9"),
    ],
)
def test_a_number_in_other_clothes_is_recognised(written: str, hint: str) -> None:
    found = problems(f"gates: {{f1: {{above: {written}}}}}\ntasks: {{t: {{operator: train_model}}}}\n")

    assert [problem.hint for problem in found] == [hint]


@pytest.mark.parametrize(
    ("written", "hint"), [("Yes", "write true without quotes"), ("off", "write false without quotes")]
)
def test_a_boolean_in_other_clothes_is_recognised(written: str, hint: str) -> None:
    found = problems(f"catchup: {written}\ntasks: {{t: {{operator: train_model}}}}\n")

    assert [problem.hint for problem in found] == [hint]


def test_a_pattern_holds_to_the_end_of_the_text() -> None:
    [problem] = problems('retry_delay: "6h\\n"\ntasks: {t: {operator: train_model}}\n')

    assert problem.message == "retry_delay must be a duration, not the text '6h\N{REPLACEMENT CHARACTER}'"


def test_a_former_name_leads_to_the_present_one() -> None:
    [problem] = problems("tasks: {t: {operator: train_model, dependencies: [a]}}\n")

    assert problem.hint == "here it is called depends_on"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"k{number}: 1\n" for number in range(40_000)),
        "tasks:\n" + "".join(f"  t{number}:\n" for number in range(40_000)),
        f"tags: [{', '.join(['x'] * 90_000)}]\n",
        f"tags: [{', '.join(['{}'] * 90_000)}]\n",
    ],
    ids=["keys", "empty-tasks", "repeated-tags", "mappings-for-tags"],
)
def test_an_absurd_file_is_checked_in_bounded_time(text: str) -> None:
    started = time.process_time()

    assert problems(text)
    assert time.process_time() - started < 10


def test_hundreds_of_mistakes_are_cut_short_in_little_time() -> None:
    tasks = "".join(f"  t{number}: {{operator: log_status, mesage: hi}}\n" for number in range(3_000))
    started = time.process_time()

    assert len(problems(f"tasks:\n{tasks}")) == MAX_PROBLEMS
    assert time.process_time() - started < 10
