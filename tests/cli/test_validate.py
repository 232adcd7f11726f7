"""``driftgate validate``: what it looks at, what it says, how it leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from driftgate.errors import Problem

from .conftest import BAD, Run, Write

BAD_TEXT = """\
config/pipelines/bad.yaml:2:1: error[unknown-key]: unknown key 'schedul'
   1 | dag_id: bad
   2 | schedul: null
     | ^^^^^^^
  hint: did you mean 'schedule'?

1 error in 1 file
"""


def test_a_good_configuration_is_said_to_be_valid(good: Path, run: Run) -> None:
    assert run("validate") == (0, "2 pipelines are valid\n", "")


def test_problems_come_with_line_caret_and_hint(mixed: Path, run: Run) -> None:
    assert run("validate") == (1, BAD_TEXT, "")


def test_paths_leave_out_the_problems_of_other_files(mixed: Path, run: Run) -> None:
    assert run("validate", "config/pipelines/good.yaml") == (0, "1 pipeline is valid\n", "")
    assert run("validate", "config/pipelines/bad.yaml").out == BAD_TEXT


def test_a_folder_stands_for_the_pipelines_in_it(mixed: Path, write: Write, run: Run) -> None:
    write("config/pipelines/team/three.yaml")

    assert run("validate", "config/pipelines/team").out == "1 pipeline is valid\n"
    assert run("validate", "config").out == BAD_TEXT
    assert run("validate", ".").out == BAD_TEXT


def test_what_a_pipeline_inherits_is_checked_with_it(good: Path, write: Write, run: Run) -> None:
    write("config/defaults.yaml", "retries: many\n")

    result = run("validate", "config/pipelines/one.yaml")

    assert result.code == 1
    assert result.out.startswith("config/defaults.yaml:1:10: error[wrong-type]")


def test_the_defaults_can_be_checked_by_themselves(mixed: Path, write: Write, run: Run) -> None:
    write("config/defaults.yaml", "retries: 2\n")
    assert run("validate", "config/defaults.yaml") == (0, "1 file is valid\n", "")

    write("config/defaults.yaml", "retrys: 2\n")
    assert run("validate", "config/defaults.yaml").out.endswith("1 error in 1 file\n")


def test_a_file_from_elsewhere_is_checked_with_the_defaults_from_here(good: Path, write: Write, run: Run) -> None:
    write("config/defaults.yaml", "schedule: '@daily'\n")
    stray = write("elsewhere/stray.yaml", "dag_id: stray\ntasks:\n  hello: {operator: log_status, message: hi}\n")

    assert run("validate", str(stray)) == (0, "1 pipeline is valid\n", "")


def test_a_path_in_another_configuration_chooses_that(good: Path, write: Write, run: Run) -> None:
    write("other/config/pipelines/bad.yaml", BAD)

    assert run("validate", "other/config/pipelines/bad.yaml").out == BAD_TEXT
    assert run("validate", "other").out == BAD_TEXT
    assert run("validate", "--config", "other/config").out == BAD_TEXT


def test_it_works_from_within_the_configuration(mixed: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(mixed / "pipelines")

    assert run("validate").out == BAD_TEXT
    assert run("validate", "good.yaml").out == "1 pipeline is valid\n"


def test_the_environment_variable_chooses_the_configuration(
    good: Path, write: Write, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    write("other/pipelines/bad.yaml", BAD)
    monkeypatch.setenv("DRIFTGATE_CONFIG_DIR", "other")

    assert run("validate").code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.yaml"], "there is no file or folder nowhere.yaml"),
        (["readme.md"], "readme.md is no pipeline: the name of its file does not end with .yaml"),
        (["empty"], "there is no pipeline in empty"),
        (["--config", "nowhere"], "--config: there is no folder nowhere"),
        (["--config", "empty"], "there is no pipeline in empty/pipelines: choose another configuration with --config"),
        (["--env", "prod"], "--env: there is no config/environments/prod.yaml; there are none yet"),
        (["--format", "jsn"], "--format: there is no 'jsn'; did you mean 'json'?"),
        (["--formt", "json"], "there is no option --formt; did you mean '--format'?"),
        (["config", "other/config"], "are two configurations: check one at a time"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(
    good: Path, write: Write, run: Run, words: list[str], message: str
) -> None:
    write("readme.md", "# Hello\n")
    write("empty/.keep", "")
    write("other/config/pipelines/one.yaml")

    result = run("validate", *words)

    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert message in result.err


def test_an_environment_is_checked_with_the_pipelines(good: Path, write: Write, run: Run) -> None:
    write("config/environments/production.yaml", "pipelines:\n  one: {retries: many}\n")

    assert run("validate", "config/pipelines/two.yaml", "--env", "production").code == 0
    for words in ([], ["--env", "production"], ["config/environments/production.yaml"]):
        result = run("validate", *words)
        assert result.code == 1
        assert result.out.startswith("config/environments/production.yaml:2:18: error[wrong-type]")


def test_what_only_an_environment_breaks_is_told_with_its_name(good: Path, write: Write, run: Run) -> None:
    write("config/environments/staging.yaml", "pipelines:\n  one: {timezone: Mars/Olympus}\n")
    write("config/pipelines/one.yaml", "dag_id: one\nschedule: null\ntasks: {a: {operator: log_status, message: hi}}\n")
    write("config/environments/eu.yaml", "defaults: {alerts: {on_failure: [nobody]}}\n")

    out = run("validate").out

    assert "config/environments/staging.yaml:2:19: error[timezone]" in out
    assert "config/environments/eu.yaml:1:34: error[unknown-channel]" in out
    assert out.endswith("\n2 errors in 2 files\n")


def test_a_template_that_nothing_extends_is_checked_too(good: Path, write: Write, run: Run) -> None:
    write("config/templates/unused.yaml", "schedul: '@daily'\n")

    assert run("validate").out.startswith("config/templates/unused.yaml:1:1: error[unknown-key]")
    assert run("validate", "config/templates/unused.yaml").code == 1


def test_a_pipe_and_a_thousand_brackets_end_at_once(good: Path, write: Write, run: Run) -> None:
    os.mkfifo(good / "pipelines" / "pipe.yaml")
    write("config/pipelines/deep.yaml", "x: " + "[" * 1_000_000)

    out = run("validate").out

    assert "config/pipelines/pipe.yaml: error[unreadable-file]: the file cannot be read: it is a pipe" in out
    assert "config/pipelines/deep.yaml:1:" in out


def test_an_environment_is_guessed(good: Path, write: Write, run: Run) -> None:
    write("config/environments/production.yaml", "defaults: {}\n")

    assert "did you mean 'production'?" in run("validate", "--env", "prodution").err


def test_a_configuration_without_pipelines_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setenv("DRIFTGATE_CONFIG_DIR", str(tmp_path))

    assert run("validate").code == 2


@pytest.fixture
def warning(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from driftgate.cli import check
    from driftgate.config.load import Loaded

    loaded = check.load_all(good)
    problem = Problem("config/pipelines/one.yaml", 1, 1, "dag_id", "odd", "this is odd", severity="warning")
    monkeypatch.setattr(check, "load_all", lambda directory, env: Loaded(loaded.pipelines, (problem,)))


@pytest.mark.usefixtures("warning")
def test_warnings_alone_are_a_success(run: Run) -> None:
    result = run("validate")

    assert result.code == 0
    assert result.out.endswith("\n2 pipelines are valid, with 1 warning in 1 file\n")


@pytest.mark.usefixtures("warning")
def test_strict_makes_errors_of_warnings(run: Run) -> None:
    result = run("validate", "--strict")

    assert result.code == 1
    assert "error[odd]: this is odd" in result.out
    assert result.out.endswith("\n1 error in 1 file\n")


def test_the_shipped_configuration_is_valid(run: Run) -> None:
    assert run("validate", "--config", str(Path(__file__).parents[2] / "config")).code == 0


FOREIGN = """\
dag_id: shell
schedule: null
tasks:
  hello:
    operator: airflow.providers.standard.operators.bash.BashOperator
    bash_comand: echo hello
    timeout: 5m
  other: {operator: airflow.providers.standard.operators.bash.BashOperater}
"""


def test_parameters_of_other_operators_are_checked_where_airflow_is_installed(
    good: Path, write: Write, run: Run
) -> None:
    write("config/pipelines/shell.yaml", FOREIGN)

    result = run("validate", "--format", "json")

    places = {(p["line"], p["column"], p["code"]) for p in json.loads(result.out)["problems"]}
    assert places == {(6, 5, "unknown-parameter"), (7, 5, "unknown-parameter"), (8, 21, "operator-import")}
    assert "'bash_command'" in result.out
    assert "bash.BashOperator'?" in result.out
    assert run("validate", "config/pipelines/shell.yaml").code == 1
    assert run("validate", "--no-build").code == 0


def test_without_airflow_it_says_what_it_could_not_check(
    good: Path, write: Write, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from driftgate.cli import building

    write("config/pipelines/shell.yaml", FOREIGN)
    monkeypatch.setattr(building, "find_spec", lambda name: None)

    assert run("validate").out.endswith("can be checked only where Airflow is installed\n")
