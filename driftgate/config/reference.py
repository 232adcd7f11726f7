"""docs/reference.md, written from the schemas: ``python -m driftgate.config.reference > docs/reference.md``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from driftgate.config import schemas
from driftgate.config.conform import Schema
from driftgate.config.hints import flow
from driftgate.config.semantics import NEEDS_SECTION
from driftgate.config.wiring import NEEDS_UPSTREAM
from driftgate.config.words import listing

_HEAD = ("Key", "Value", "Default", "Meaning", "Example")
_NAMES = {"": "<param>", "columns": "<column>", "expand": "<parameter>"}
_WORDS = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "mapping",
    "string": "text",
}

_INTRO = """\
# Configuration reference

Written from `schemas/` by `python -m driftgate.config.reference`; do not edit by hand.

| file | holds |
|---|---|
| `config/pipelines/<dag_id>.yaml` | one pipeline; the file's name is its `dag_id`; sub-folders are allowed |
| `config/defaults.yaml` | keys that every pipeline starts from |
| `config/environments/<env>.yaml` | what is different in one environment |
| anything else below `config/` | files for pipelines to extend, such as `config/templates/monitoring.yaml` |

`.yml` will do as well as `.yaml`, except for `defaults.yaml`.

Values are JSON's: text, numbers, `true` and `false`, `null`, lists, mappings. `yes`, `010` and `12:30` are text. A
key that does not exist is an error, and so is one that is written twice. A duration is a whole number and a unit:
`90s`, `15m`, `6h`, `8d`, `2w`. Text with `{{ … }}` is filled in when a task runs.

Editors check and complete while you type when a file begins with

```yaml
# yaml-language-server: $schema=../../schemas/pipeline.schema.json
```

## What lies over what

From the bottom to the top; what lies above wins.

1. `config/defaults.yaml`
2. `defaults` in the environment's file
3. the files that the pipeline extends, the farthest first
4. the pipeline's own file
5. `pipelines.<dag_id>` in the environment's file

### Changing what is inherited

| to | write |
|---|---|
| change a key of a mapping, such as `psi.critical` | that key alone: mappings merge, and so do tasks, by their ids |
| change a single value | the new value |
| add to a list, such as `tags` or `depends_on` | the whole list: a list replaces the one below |
| change a gate | the whole gate: `roc_auc: {at_least: 0.9}` replaces `roc_auc: {above: 0.95}` |
| switch off a list | an empty one: `on_failure: []` |
| change a task's operator | the new `operator`; its other keys stay, and must suit it |

What is there cannot be removed: neither a task, nor a section, nor a key. Put what pipelines share into a file that
holds no more than that, and let them extend it.

### Environments

`DRIFTGATE_ENV=production`, or `--env production` on the command line, lays `config/environments/production.yaml`
over the configuration; without either there is no environment.

```yaml
# config/environments/production.yaml
defaults:
  retries: 3
  alerts: {on_failure: [ops_email]}
pipelines:
  drift_monitoring:
    schedule: "*/15 * * * *"
    psi: {critical: 0.2}
```

### Extending

A pipeline can extend another, by its `dag_id`, or any file below `config/`, by its path relative to itself. It
inherits every key but `dag_id` and `extends`. A file outside of `config/pipelines/` is no pipeline and need not be
complete.

```yaml
# config/pipelines/drift_monitoring_eu.yaml
dag_id: drift_monitoring_eu
extends: drift_monitoring
tasks:
  check_drift: {connection: model_api_eu}     # everything else stays
```
"""

_SCHEDULES = """\
### schedule

| written | runs |
|---|---|
| `"@hourly"` | at a preset: `@hourly`, `@daily`, `@weekly`, `@monthly`, `@quarterly` or `@yearly` |
| `"@once"`, `"@continuous"` | once; one run right after the other, with `max_active_runs: 1` |
| `"0 6 * * 1"` | by a cron expression, in the pipeline's timezone: minute, hour, day of month, month, day of week |
| `6h` | at an interval |
| `{asset: "s3://bucket/a"}` | when a task with this asset in its `outlets` has succeeded |
| `{any: ["s3://bucket/a", "s3://bucket/b"]}` | when any of them has been updated |
| `{all: ["s3://bucket/a", {any: ["s3://bucket/b", "s3://bucket/c"]}]}` | when all of them have been |
| `{cron: "0 6 * * 1", asset: "s3://bucket/a"}` | at these times, and when the asset is updated |
| `{cron: "@weekly", any: ["s3://bucket/a", "s3://bucket/b"]}` | a preset will do as well |
| `null` | when somebody starts it |
"""

_TASKS = """\
## Tasks

`tasks` maps ids to tasks. Every task has an `operator` and that operator's own parameters beside the keys below. The
name of one of [Driftgate's operators](#operators) will do, or the dotted path of any Airflow operator's class: its
parameters are then checked when the DAG is built. What such an operator takes is Airflow's to say: where it wants a
number of seconds, `60` is right and `1m` is not.

```yaml
tasks:
  list_files:
    operator: airflow.providers.standard.operators.bash.BashOperator
    bash_command: ls -1 /data
  say_hello: {operator: log_status, message: hello, depends_on: [list_files], retries: 3}
```
"""

_GROUPS = """\
## Groups

An entry under `tasks` that has `tasks` of its own is a group. Groups can be nested; a task in one is called
`group.task`. A name in `depends_on`, `routes` and `output_of` is looked up in the same group first, then outward,
group by group. To depend on a group is to depend on its last tasks; what a group depends on holds for its first
tasks.

```yaml
tasks:
  data:
    tasks:
      fresh: {operator: check_data_freshness}
      quality: {operator: validate_data_quality, depends_on: [fresh]}
  train: {operator: train_model, depends_on: [data]}
```
"""

_EXPANDING = """\
## Expanding a task

With `expand` a task runs once for each value of a parameter, with `expand_kwargs` once for each set of parameters.
The values stand in the file, or are what another task returned, which then comes before. What stands beside them is
the same in every run.

```yaml
tasks:
  greet:
    operator: log_status
    level: info
    expand: {message: [hello, goodbye]}
  scan:
    operator: airflow.providers.standard.operators.bash.BashOperator
    expand: {bash_command: {output_of: list_commands}}
```
"""


_DRIFT = """\
## drift in messages

The texts of `log_status` and `send_alert` may speak of what the `check_drift` task before them found. Those of other
operators may not.

| written | is |
|---|---|
| `{{ drift.summary }}` | one sentence about all of it |
| `{{ drift.severity }}` | none, minor, moderate, critical or unknown |
| `{{ drift.psi }}` | the PSI, such as 0.31; None when the severity is unknown |
| `{{ drift.samples }}` | how many predictions it is based on; None if the model API does not say |
| `{{ drift.top_feature }}` | the feature that has drifted most; empty if the model API does not say |
| `{{ drift.features }}` | the PSI of each feature: `{{ drift.features['mean radius'] }}` |
| `{{ drift.model }}`, `{{ drift.version }}` | name and version of the model in production; empty if not known |
| `{{ drift.window }}` | from `{{ drift.window.start }}` until `{{ drift.window.end }}`; empty if not known |
| `{{ drift.since }}` | since when the severity is what it is |
| `{{ drift.streak }}` | how many runs in a row, this one included, found this severity |
| `{{ drift.reason }}` | why the severity is unknown; empty when it is not |
"""


_GATE = """\
The gate of a metric has exactly one of `above`, `at_least`, `below` and `at_most`; what cannot be computed fails it.
[Gates](gates.md) says how intervals are computed and what to choose."""

_VERSUS = """\
#### gates.versus_production

The new model beside the one in production, on the same held-out rows. A production model that cannot be loaded, or
needs a column that is gone, fails it.

```yaml
gates: {versus_production: {metric: roc_auc, max_drop: 0.01}}
```"""


def reference() -> str:
    """Return the reference of the whole language in Markdown."""
    envelope = schemas.envelope()
    sections = schemas.sections()
    keys = {key: schema for key, schema in envelope["properties"].items() if key not in sections}
    parts = [_INTRO, "## Pipeline", _table(_rows({**envelope, "properties": keys}, deep=False)), _sections(sections)]
    parts += [_SCHEDULES]
    parts += [part for name in ("params", *sections) for part in _section(name, envelope["properties"][name])]
    parts += [_TASKS, _table(_rows(schemas.task(""))), _EXPANDING, _GROUPS, _table(_rows(schemas.group(), deep=False))]
    parts += [_DRIFT, "## Operators", *(part for name in schemas.operators() for part in _operator(name))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _operator(name: str) -> list[str]:
    schema = schemas.parameters(name)
    return [f"### {name}", f"{schema['description']}{_needs(name)}", _table(_rows(schema)) or "No parameters."]


def _needs(operator: str) -> str:
    """Return which sections and which operator before it an operator works on."""
    sections = NEEDS_SECTION.get(operator, ())
    needed = [f"the section{'s' * (len(sections) > 1)} {_links(sections)}"] if sections else []
    if before := NEEDS_UPSTREAM.get(operator):
        needed.append(f"a task with operator [`{before}`](#{before}) somewhere before it")
    return f" Needs {', and '.join(needed)}." if needed else ""


def _sections(names: Iterable[str]) -> str:
    return f"Beside these there are sections, which operators work on: {_links(names)}."


def _links(names: Iterable[str]) -> str:
    return ", ".join(f"[`{name}`](#{name})" for name in names)


def _section(name: str, schema: Schema) -> list[str]:
    example = f"```yaml\n{name}: {flow(schema['examples'][0])}\n```"
    head = [f"### {name}", schema["description"], example]
    if name == "alerts":
        return [*head, *_alerts(schema)]
    if name != "gates":
        return [*head, _table(_rows(schema))]
    metrics = dict(schema["properties"])
    versus = metrics.pop("versus_production")
    return [
        *head, _table(_rows({"properties": metrics}, deep=False)), _GATE, _table(_rows(schemas.definition("gate"))),
        _VERSUS, _table(_rows(versus)),
    ]  # fmt: skip


def _alerts(schema: Schema) -> Iterator[str]:
    yield _table(_rows(schema, deep=False))
    for kind in schemas.definition("channel")["properties"]["type"]["enum"]:
        rules = schemas.channel(kind)
        yield f"A channel of type `{kind}`, below `channels.<channel>`:"
        yield _table(_rows({**rules, "required": ["type", *rules["required"]]}, deep=False) if rules else ())


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_HEAD, ("---",) * len(_HEAD), *rows]
    if len(lines) == 2:
        return ""
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _rows(schema: Schema, prefix: str = "", *, deep: bool = True) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for key, rules in schema.get("properties", {}).items():
        yield _row(f"{prefix}{key}", rules, key in required)
        yield from _rows(rules, f"{prefix}{key}.") if deep else ()
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and others.get("properties") and deep:
        name = _NAMES.get(prefix.rstrip(".").rpartition(".")[2], "<name>")
        yield _row(f"{prefix}{name}", dict(others), False)
        yield from _rows(dict(others), f"{prefix}{name}.")


def _row(name: str, rules: Schema, required: bool) -> tuple[str, ...]:
    default = _code(rules["default"]) if "default" in rules else ""
    example = _code(rules["examples"][0]) if rules.get("examples") else ""
    return f"`{name}`", _value(rules), "**required**" if required else default, rules.get("description", ""), example


def _code(value: Any) -> str:
    return f"`{flow(value)}`"


def _value(rules: Schema) -> str:
    """Return in words what a value must be."""
    if "enum" in rules or "const" in rules:
        return listing(rules.get("enum") or [rules["const"]])
    if "title" in rules:
        return str(rules["title"]).removeprefix("a ").removeprefix("an ").removeprefix("the ")
    types = rules.get("type", "any value")
    words = [_WORDS.get(name, name) for name in ([types] if isinstance(types, str) else types)]
    if words == ["list"] and (inner := rules.get("items")):
        return f"list: {_value(inner)}"
    return f"{listing(words)}{_range(rules)}"


def _range(rules: Schema) -> str:
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return "".join(f", {sign} {json.dumps(rules[key])}" for key, sign in bounds.items() if key in rules)


if __name__ == "__main__":
    sys.stdout.write(reference())
