"""The same commands as ``airflow driftgate …``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from driftgate.airflow_provider import get_commands, get_provider_info
from driftgate.cli import commands

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parser() -> argparse.ArgumentParser:
    """The group's parser, built as Airflow does."""
    (group,) = get_commands()
    made = argparse.ArgumentParser(prog="airflow driftgate")
    actions = made.add_subparsers(required=True)
    for command in group.subcommands:
        action = actions.add_parser(command.name, description=command.description, epilog=command.epilog)
        action.set_defaults(func=command.func)
        for arg in command.args:
            arg.add_to_parser(action)
    return made


def test_airflow_accepts_what_we_say_of_ourselves() -> None:
    import json
    from importlib.resources import files

    schema: Any = json.loads((files("airflow") / "provider_info.schema.json").read_text(encoding="utf-8"))

    validate(get_provider_info(), schema)


def test_the_group_has_no_name_of_airflows_own() -> None:
    from airflow.cli.cli_config import core_commands

    assert {group.name for group in get_commands()} == {"driftgate"}
    assert "driftgate" not in {command.name for command in core_commands}


def test_it_runs_as_the_command_does(
    parser: argparse.ArgumentParser, mixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = parser.parse_args(["validate", "--format", "github"])
    with pytest.raises(SystemExit) as stop:
        args.func(args)

    assert stop.value.code == 1
    assert capsys.readouterr().out.startswith("::error file=config/pipelines/bad.yaml,")


def test_every_argument_is_there(parser: argparse.ArgumentParser) -> None:
    for name in ("show", "validate"):
        expected = {flags[-1].removeprefix("--").replace("-", "_") for flags, _ in commands.load(name).ARGUMENTS}
        assert expected <= set(vars(parser.parse_args([name])))


def test_the_entry_point_leads_here() -> None:
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]

    assert declared["apache_airflow_provider"] == {"provider_info": "driftgate.airflow_provider:get_provider_info"}
