"""The same findings in every format."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from driftgate.cli.check import Findings, check_all
from driftgate.cli.formats.github import github
from driftgate.cli.formats.json import json as as_json
from driftgate.cli.formats.junit import junit
from driftgate.cli.formats.sarif import sarif
from driftgate.cli.formats.text import text
from driftgate.errors import Problem
from driftgate.paint import coloured

from .conftest import Run

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "cases" / "invalid").glob("*/expected.txt"))
SARIF = Draft202012Validator(json.loads((Path(__file__).parent / "sarif.schema.json").read_text(encoding="utf-8")))
NASTY = Problem(
    "config/pipelines/50% off, ü #1.yaml",
    3,
    7,
    "tasks.a",
    "some-code",
    'not <b> & "c": 100%,\r\nor \x00\x1b\ud800',
    "do: this, or that",
)
WHOLE_FILE = Problem("config/defaults.yaml", 0, 0, "", "empty-file", "the file is empty", severity="warning")


def findings(root: Path, *problems: Problem) -> Findings:
    files = {"config/pipelines/good.yaml", *(problem.file for problem in problems)}
    return Findings(root, tuple(sorted(problems)), 1, tuple(sorted(files)))


def test_json_has_exactly_the_fields_of_a_problem(mixed: Path, run: Run) -> None:
    result = run("validate", "--format", "json")

    assert result.code == 1
    assert json.loads(result.out) == {
        "problems": [
            {
                "file": "config/pipelines/bad.yaml",
                "line": 2,
                "column": 1,
                "path": "schedul",
                "code": "unknown-key",
                "message": "unknown key 'schedul'",
                "hint": "did you mean 'schedule'?",
                "severity": "error",
            }
        ]
    }


def test_json_of_a_good_configuration_is_an_empty_list(good: Path, run: Run) -> None:
    assert json.loads(run("validate", "--format", "json").out) == {"problems": []}


def test_github_annotates_the_line(mixed: Path, run: Run) -> None:
    assert run("validate", "--format", "github").out == (
        "::error file=config/pipelines/bad.yaml,line=2,col=1,title=unknown-key"
        "::unknown key 'schedul'%0Ahint: did you mean 'schedule'?\n"
        "1 error in 1 file\n"
    )


def test_github_escapes_what_would_end_a_property_or_a_line(tmp_path: Path) -> None:
    first, *_ = github(findings(Path(), NASTY)).splitlines()

    assert first == (
        "::error file=config/pipelines/50%25 off%2C ü #1.yaml,line=3,col=7,title=some-code"
        '::not <b> & "c": 100%25,��or ���%0Ahint: do: this, or that'
    )


def test_github_leaves_out_the_place_of_a_whole_file() -> None:
    assert "::warning file=config/defaults.yaml,title=empty-file::the file is empty\n" in github(
        findings(Path(), WHOLE_FILE)
    )


def test_github_counts_from_the_root_of_the_checkout(
    mixed: Path, monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))

    assert f"file={tmp_path.name}/config/pipelines/bad.yaml," in run("validate", "--format", "github").out


@pytest.mark.parametrize("problems", [(), (NASTY, WHOLE_FILE)])
def test_sarif_is_as_its_schema_says(problems: tuple[Problem, ...], tmp_path: Path) -> None:
    SARIF.validate(json.loads(sarif(findings(tmp_path, *problems))))


def test_the_schema_of_sarif_would_notice(tmp_path: Path) -> None:
    log = json.loads(sarif(findings(tmp_path, NASTY)))
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0

    assert not SARIF.is_valid(log)


def test_sarif_names_rule_place_and_file(tmp_path: Path) -> None:
    run = json.loads(sarif(findings(tmp_path, NASTY, WHOLE_FILE)))["runs"][0]
    whole, nasty = run["results"]

    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["empty-file", "some-code"]
    assert (nasty["ruleId"], nasty["ruleIndex"], nasty["level"]) == ("some-code", 1, "error")
    assert nasty["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "config/pipelines/50%25%20off%2C%20%C3%BC%20%231.yaml"},
        "region": {"startLine": 3, "startColumn": 7},
    }
    assert "region" not in whole["locations"][0]["physicalLocation"]


def test_sarif_knows_a_problem_again_when_it_moves(tmp_path: Path) -> None:
    moved = Problem(NASTY.file, 30, 7, NASTY.path, NASTY.code, NASTY.message)
    prints = [
        json.loads(sarif(findings(tmp_path, problem)))["runs"][0]["results"][0]["partialFingerprints"]
        for problem in (NASTY, moved)
    ]

    assert prints[0] == prints[1]


def test_junit_is_well_formed_whatever_the_message(tmp_path: Path) -> None:
    root = ElementTree.fromstring(junit(findings(tmp_path, NASTY)))
    failure = root.find(f"testsuite[@name='{NASTY.file}']/testcase/failure")

    assert failure is not None
    assert failure.get("message") == 'not <b> & "c": 100%,��or ���'
    assert (failure.text or "").endswith("  hint: do: this, or that")


def test_junit_has_a_suite_for_each_file(tmp_path: Path) -> None:
    root = ElementTree.fromstring(junit(findings(tmp_path, NASTY, WHOLE_FILE)))

    assert root.attrib == {"name": "driftgate", "tests": "3", "failures": "1"}
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("config/defaults.yaml", "1", "0"),
        (NASTY.file, "1", "1"),
        ("config/pipelines/good.yaml", "1", "0"),
    ]
    assert root.find("testsuite/testcase/system-out") is not None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_format_can_say_every_problem(case: Path) -> None:
    found = check_all(case / "config", None)

    assert len(json.loads(as_json(found))["problems"]) == len(found.problems)
    assert len(github(found).splitlines()) == len(found.problems) + 1
    assert SARIF.is_valid(json.loads(sarif(found)))
    assert len(ElementTree.fromstring(junit(found)).findall(".//testcase")) >= len(found.problems)


def test_colour_adds_nothing_but_colour(mixed: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    plain = run("validate").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = run("validate").out

    assert "\x1b[1;31merror[unknown-key]:\x1b[0m" in painted
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == plain


def test_no_color_wins(mixed: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b" not in run("validate").out


def test_the_closing_line_is_green_when_all_is_well(tmp_path: Path) -> None:
    assert text(findings(tmp_path), coloured) == "\x1b[32m1 pipeline is valid\x1b[0m\n"
