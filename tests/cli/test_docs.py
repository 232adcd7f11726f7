"""The pages in docs/ show what the commands print.

To write what they print today into the pages: python tests/cli/test_docs.py
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "show.md", ROOT / "docs" / "validate.md"]
BLOCK = re.compile(r"^```console\n\$ (driftgate .*)\n(?:.*\n)*?```$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_the_commands_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert len(BLOCK.findall(text)) >= 4
    assert renewed(text) == text, "run: python tests/cli/test_docs.py"


def renewed(text: str) -> str:
    return BLOCK.sub(lambda block: f"```console\n$ {block[1]}\n{printed(block[1])}```", text)


def printed(command: str) -> str:
    ours = ("DRIFTGATE_", "NO_COLOR", "FORCE_COLOR", "GITHUB_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", *shlex.split(command)], cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    ).stdout  # fmt: skip


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
