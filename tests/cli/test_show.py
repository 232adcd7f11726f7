"""``driftgate show``: a pipeline as it will run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from driftgate.config.load import find_pipelines, load_pipeline

from .conftest import BAD, Run, Write

ROOT = Path(__file__).parents[2]
CASES = [*find_pipelines(ROOT / "config"), *sorted((ROOT / "tests" / "cases" / "valid").glob("*.yaml"))]
DEFAULTS = "owner: team\nretries: 3\n"
PIPELINE = """\
dag_id: one
schedule: "0 6 * * 1"
tasks:
  hello:
    operator: log_status
    message: |-
      two
      lines
"""
STAGING = """\
defaults: {owner: staging-team}
pipelines:
  one:
    schedule: null
"""
GROUPS = """\
dag_id: groups
schedule: null
tasks:
  start: {operator: log_status, message: hi}
  train:
    depends_on: [start]
    tasks:
      fit:
        operator: log_status
        expand: {message: [a, b]}
      check: {operator: log_status, message: hi, depends_on: [fit]}
  end: {operator: log_status, message: bye, depends_on: [train]}
"""


@pytest.fixture
def one(write: Write) -> None:
    write("config/defaults.yaml", DEFAULTS)
    write("config/pipelines/one.yaml", PIPELINE)


@pytest.mark.usefixtures("one")
def test_it_is_merged_and_complete(run: Run) -> None:
    code, out, _ = run("show", "one")

    assert code == 0
    assert out.startswith("dag_id: one\n")
    assert "owner: team\nretries: 3\n" in out
    assert "    message: |-\n      two\n      lines\n" in out
    assert "    level: info\n" in out


@pytest.mark.usefixtures("one")
def test_origin_names_the_file_and_line_of_every_value(run: Run) -> None:
    lines = run("show", "one", "--origin").out.splitlines()
    origins = {line.split(":")[0]: line.partition("  # ")[2] for line in lines if "  # " in line}

    assert origins["dag_id"] == "config/pipelines/one.yaml:1"
    assert origins["retries"] == "config/defaults.yaml:2"
    assert origins["    level"] == "default"
    assert origins["    message"] == "config/pipelines/one.yaml:6"
    assert len({line.index("  # ") for line in lines if "  # " in line}) == 1


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("options", [[], ["--origin"]], ids=["plain", "origin"])
def test_what_is_shown_is_a_pipeline_that_means_the_same(
    path: Path, options: list[str], tmp_path: Path, run: Run
) -> None:
    config = tmp_path / "config"
    (config / "pipelines").mkdir(parents=True)
    for other in find_pipelines(ROOT / "config"):
        (config / "pipelines" / other.name).write_text(other.read_text(encoding="utf-8"), encoding="utf-8")
    (config / "defaults.yaml").write_bytes((ROOT / "config" / "defaults.yaml").read_bytes())
    copy = config / "pipelines" / path.name
    copy.write_bytes(path.read_bytes())
    before = load_pipeline(copy, config)

    copy.write_text(run("show", path.stem, *options, "--config", str(config)).out, encoding="utf-8")
    (config / "defaults.yaml").unlink()

    assert load_pipeline(copy, config) == before


@pytest.mark.usefixtures("one")
def test_json_is_the_same_data(run: Run) -> None:
    data = json.loads(run("show", "one", "--format", "json").out)

    assert data["schedule"] == "0 6 * * 1"
    assert data["tasks"]["hello"]["message"] == "two\nlines"


def test_the_graph_says_which_psi_leads_where(run: Run) -> None:
    assert run("show", "drift_monitoring", "--graph", "--config", str(ROOT / "config")).out == (
        "check_drift\n"
        "└─ decide_action\n"
        "   ├─ none ─────────────── log_no_drift        PSI < 0.1\n"
        "   ├─ minor ────────────── log_minor_drift     0.1 ≤ PSI < 0.15\n"
        "   ├─ moderate, unknown ── send_alert          0.15 ≤ PSI ≤ 0.25\n"
        "   └─ critical ─────────── trigger_retraining  PSI > 0.25\n"
    )


def test_mermaid_has_the_bands_on_its_edges(run: Run) -> None:
    out = run("show", "drift_monitoring", "--format", "mermaid", "--config", str(ROOT / "config")).out

    assert out.startswith("graph LR\n")
    assert '    decide_action{"decide_action"}\n' in out
    assert '    decide_action -->|"moderate: 0.15 ≤ PSI ≤ 0.25<br/>unknown"| send_alert\n' in out


@pytest.mark.usefixtures("one")
def test_an_environment_lies_over_the_pipeline(write: Write, run: Run) -> None:
    write("config/environments/staging.yaml", STAGING)
    lines = run("show", "one", "--origin", "--env", "staging").out.splitlines()

    assert " ".join(lines[1].split()) == "schedule: null # config/environments/staging.yaml:4"
    assert any(line.startswith("owner: staging-team") and line.endswith("staging.yaml:1") for line in lines)
    assert "owner: team\n" in run("show", "one").out


def test_groups_are_shown_and_drawn(write: Write, run: Run) -> None:
    path = write("config/pipelines/groups.yaml", GROUPS)
    before = load_pipeline(path, path.parents[1])

    assert run("show", "groups", "--graph").out == (
        "start\n└─ train.fit  for each message\n   └─ train.check\n      └─ end\n"
    )
    assert '    subgraph train ["train"]\n' in run("show", "groups", "--format", "mermaid").out

    path.write_text(run("show", "groups").out, encoding="utf-8")
    assert load_pipeline(path, path.parents[1]) == before


def test_a_broken_pipeline_shows_its_problems(mixed: Path, run: Run) -> None:
    code, out, err = run("show", "bad")

    assert (code, out) == (1, "")
    assert "config/pipelines/bad.yaml:2:1: error[unknown-key]" in err


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["onne"], "there is no pipeline 'onne'; did you mean 'one'?"),
        (["one.yaml"], "there is no pipeline 'one.yaml'; did you mean 'one'?"),
        (["zzz"], "there is no pipeline 'zzz'; there are one, two"),
        ([], "which pipeline? There are one, two"),
        (["one", "two"], "there is nothing to do with 'two'"),
        (["one", "--format", "yml"], "there is no 'yml'; did you mean 'yaml'?"),
        (["one", "--graph", "--format", "json"], "--graph and --format json: one of them"),
        (["one", "--graph", "--origin"], "--origin: comments go into YAML, not into graph"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(run: Run, words: list[str], message: str) -> None:
    code, out, err = run("show", *words)

    assert (code, out) == (2, "")
    assert message in err


def test_a_broken_neighbour_does_not_matter(write: Write, mixed: Path, run: Run) -> None:
    write("config/pipelines/worse.yaml", BAD)

    assert run("show", "good").code == 0
