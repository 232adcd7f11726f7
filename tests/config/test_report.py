from __future__ import annotations

from pathlib import Path

from driftgate.config.report import render_problem, render_text
from driftgate.errors import Problem


def problem(line: int, column: int, **other: str) -> Problem:
    return Problem("x.yaml", line, column, "", "some-code", "it is wrong", **other)  # type: ignore[arg-type]


def rendered(directory: Path, text: str, line: int, column: int) -> list[str]:
    (directory / "x.yaml").write_text(text, encoding="utf-8", newline="")
    return render_problem(problem(line, column), directory).splitlines()[1:]


def test_the_caret_runs_under_the_whole_token(tmp_path: Path) -> None:
    assert rendered(tmp_path, "a: 1\nb: 'two words' # c\n", 2, 4) == [
        "   1 | a: 1",
        "   2 | b: 'two words' # c",
        "     |    ^^^^^^^^^^^",
    ]


def test_the_caret_runs_to_the_closing_bracket(tmp_path: Path) -> None:
    assert rendered(tmp_path, "a: [1, {b: 2}]\n", 1, 4)[-1] == "     |    ^^^^^^^^^^^"


def test_the_caret_ends_with_the_line(tmp_path: Path) -> None:
    assert rendered(tmp_path, "a: [1,\n  2]\n", 1, 4)[-1] == "     |    ^^^"


def test_tabs_and_wide_characters_keep_the_caret_in_place(tmp_path: Path) -> None:
    assert rendered(tmp_path, "{漂移:\té, b: 1}\n", 1, 9) == ["   1 | {漂移:\té, b: 1}", "     |       \t   ^"]


def test_windows_line_ends_do_not_show(tmp_path: Path) -> None:
    assert rendered(tmp_path, "a: 1\r\nb: 2\r\n", 2, 1) == ["   1 | a: 1", "   2 | b: 2", "     | ^"]


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    assert "\x1b" not in "".join(rendered(tmp_path, "a: \x1b[31m\n", 1, 1))


def test_a_file_that_is_gone_has_no_context(tmp_path: Path) -> None:
    assert render_problem(problem(3, 1), tmp_path) == "x.yaml:3:1: error[some-code]: it is wrong"


def test_a_problem_of_a_whole_file_has_no_place(tmp_path: Path) -> None:
    assert render_problem(problem(0, 0), tmp_path) == "x.yaml: error[some-code]: it is wrong"


def test_the_closing_line_counts_errors_and_warnings(tmp_path: Path) -> None:
    text = render_text([problem(0, 0), problem(0, 0, severity="warning"), problem(0, 0)], tmp_path)

    assert text.splitlines()[-1] == "2 errors and 1 warning in 1 file"


def test_no_problems_are_told_as_such(tmp_path: Path) -> None:
    assert render_text([], tmp_path) == "no problems\n"
