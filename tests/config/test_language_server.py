"""What an editor offers: the real yaml-language-server over the shipped files, with nothing but their first line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driftgate.config import schemas

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "config" / "pipelines" / "drift_monitoring.yaml"
PACKAGE = "yaml-language-server@1.18.0"
PATIENCE = 60


class LanguageServer:
    """A language server, spoken to in JSON-RPC over its standard streams."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.number = 0
        self.notifications: list[dict[str, Any]] = []
        root = ROOT.as_uri()
        self.request("initialize", {"processId": None, "rootUri": root, "capabilities": _CAPABILITIES})
        self.notify("initialized", {})

    def open(self, path: Path, text: str) -> str:
        """Open ``text`` as if it stood in ``path``; returns its address."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def ask(self, method: str, uri: str, line: int, character: int) -> Any:
        position = {"line": line, "character": character}
        return self.request(method, {"textDocument": {"uri": uri}, "position": position})

    def request(self, method: str, params: Any) -> Any:
        self.number += 1
        self._send({"id": self.number, "method": method, "params": params})
        while (message := self._receive()).get("id") != self.number or "method" in message:
            self._answer(message)
        assert "error" not in message, message
        return message["result"]

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def diagnostics(self, uri: str) -> list[str]:
        """Return what the server has against a document, once it says so."""
        while True:
            for message in self.notifications:
                if message["params"].get("uri") == uri:
                    return [problem["message"] for problem in message["params"]["diagnostics"]]
            self._answer(self._receive())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()

    def _answer(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self.notifications.append(message)
        elif "id" in message and "method" in message:  # the server asks for settings: it is to use its own
            items = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
            self._send({"id": message["id"], "result": None if items is None else [_SETTINGS for _ in items]})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, "the language server has ended"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message


_CAPABILITIES = {
    "textDocument": {
        "completion": {"completionItem": {"documentationFormat": ["markdown", "plaintext"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
    "workspace": {"configuration": True},
}
_SETTINGS = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    home = tmp_path_factory.mktemp("npm")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(home), PACKAGE]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=PATIENCE)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm cannot install {PACKAGE}: {error}")
    running = LanguageServer([str(home / "node_modules" / ".bin" / "yaml-language-server"), "--stdio"])
    yield running
    running.close()


def shipped(change: str = "", becomes: str = "") -> str:
    text = PIPELINE.read_text(encoding="utf-8")
    assert change in text
    return text.replace(change, becomes, 1)


def offered(server: LanguageServer, name: str, text: str) -> set[str]:
    """Return the keys offered at the mark | in ``text``."""
    before, _, after = text.partition("|")
    lines = before.split("\n")
    uri = server.open(PIPELINE.with_name(f"{name}.yaml"), before + after)
    answer = server.ask("textDocument/completion", uri, len(lines) - 1, len(lines[-1]))
    return {item["label"] for item in (answer["items"] if isinstance(answer, dict) else answer)}


def test_the_shipped_pipeline_is_free_of_complaints(server: LanguageServer) -> None:
    uri = server.open(PIPELINE, shipped())

    assert server.diagnostics(uri) == []


def test_at_the_top_every_key_is_offered_that_is_not_there_yet(server: LanguageServer) -> None:
    text = shipped("tags:", "|\ntags:")
    there = set(re.findall(r"^(\w+):", text, re.MULTILINE))

    assert offered(server, "top", text) >= set(schemas.envelope()["properties"]) - there


def test_in_a_section_its_keys_are_offered(server: LanguageServer) -> None:
    text = re.sub("  aggregate: .*", "  |", shipped())

    assert "aggregate" in offered(server, "section", text)


def test_in_a_task_the_parameters_of_its_operator_are_offered(server: LanguageServer) -> None:
    found = offered(server, "task", shipped("    connection: model_api", "    |"))

    assert found >= {"connection", "endpoint", "window", "psi_field", "retries", "trigger_rule", "expand"}
    assert not found & {"channels", "routes"}


def test_the_operators_are_offered(server: LanguageServer) -> None:
    assert offered(server, "operator", shipped("operator: check_drift", "operator: |")) >= set(schemas.operators())


def test_in_a_group_its_keys_and_the_tasks_keys_are_offered(server: LanguageServer) -> None:
    group = "tasks:\n  group:\n    |\n    tasks:\n      hello: {operator: log_status, message: hi}\n"

    assert offered(server, "group", shipped("tasks:\n", group)) >= {"depends_on", "tooltip"}


def test_hovering_shows_what_a_key_means(server: LanguageServer) -> None:
    lines = shipped().split("\n")
    uri = server.open(PIPELINE.with_name("hover.yaml"), shipped())
    for key, words in {
        "min_samples": "With fewer predictions the severity is unknown.",
        "connection": "Airflow connection of the model API: its host, port and token.",
        "depends_on": "Tasks and groups that must be done before this one",
        "schedule": "When the pipeline runs: a preset, a cron expression in its timezone",
    }.items():
        line = next(number for number, content in enumerate(lines) if content.strip().startswith(f"{key}:"))
        hover = server.ask("textDocument/hover", uri, line, lines[line].index(key) + 1)
        assert words in json.dumps(hover).replace("\\\\", ""), key


def test_a_misspelt_key_is_marked(server: LanguageServer) -> None:
    uri = server.open(PIPELINE.with_name("misspelt.yaml"), shipped("schedule:", "shedule:"))

    assert any("shedule" in complaint for complaint in server.diagnostics(uri))


def test_the_settings_for_vs_code_name_schemas_that_exist_and_match_our_files() -> None:
    settings = json.loads((ROOT / ".vscode" / "settings.json").read_text(encoding="utf-8"))["yaml.schemas"]

    assert all((ROOT / schema).is_file() for schema in settings)
    assert any(PIPELINE in ROOT.glob(glob) for globs in settings.values() for glob in globs)
