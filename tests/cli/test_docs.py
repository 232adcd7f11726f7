"""The pages in docs/ show what the commands print.

To write what they print today into the pages: python tests/cli/test_docs.py
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "show.md", ROOT / "docs" / "validate.md"]
ON_A_COPY = [ROOT / "docs" / f"{name}.md" for name in ("backtest", "new", "plan")]  # commands that edit, or ask git
BLOCK = re.compile(r"^```console\n((?:\$ .*\n(?:> .*\n)*)+)(?:.*\n)*?```$", re.MULTILINE)
MOMENT = "2026-03-02T09:00:00+0000"  # of the copy's only commit: the same files, the same hash


@pytest.mark.parametrize("page", [*PAGES, *ON_A_COPY], ids=lambda page: page.stem)
def test_a_page_shows_what_the_commands_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert len(BLOCK.findall(text)) >= 4
    assert renewed(page) == text, "run: python tests/cli/test_docs.py"


def renewed(page: Path) -> str:
    with copied() if page in ON_A_COPY else in_place() as folder:
        text = page.read_text(encoding="utf-8")
        return BLOCK.sub(lambda block: f"```console\n{block[1]}{printed(block[1], folder)}```", text)


def printed(commands: str, folder: Path) -> str:
    """What the commands of a block print, each after its prompt."""
    if folder != ROOT:
        git(folder, "reset", "--hard", "--quiet")
        git(folder, "clean", "-d", "--force", "--quiet")
    script = "".join(re.sub(r"^[$>] ", "", line) for line in commands.splitlines(keepends=True))
    driftgate = f'driftgate() {{ {shlex.quote(sys.executable)} -m driftgate "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", driftgate + script], cwd=folder, env=surroundings(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    ).stdout.replace(str(folder), "/home/ada/driftgate")  # fmt: skip


def surroundings() -> dict[str, str]:
    ours = ("DRIFTGATE_", "NO_COLOR", "FORCE_COLOR", "GIT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"}


@contextmanager
def in_place() -> Iterator[Path]:
    yield ROOT


@contextmanager
def copied() -> Iterator[Path]:
    """A repository of its own with the configuration and a table of data, on a branch beside main."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "driftgate"
        shutil.copytree(ROOT / "config", copy / "config")
        (copy / "data").mkdir()
        (copy / "data" / "churn.csv").write_text(churn(), encoding="utf-8")
        git(copy, "init", "--quiet", "--initial-branch", "main")
        git(copy, "add", "--all")
        git(copy, "commit", "--quiet", "--message", "Begin")
        git(copy, "checkout", "--quiet", "-b", "work")
        (copy / ".git" / "info" / "exclude").write_text("data/drift.csv\n", encoding="utf-8")
        (copy / "data" / "drift.csv").write_text(drift(), encoding="utf-8")
        yield copy


def churn() -> str:
    """Made-up customers, the same at every call."""
    lines = ["customer,age,plan,monthly_fee,churned,seen_at"]
    for number in range(500):
        age, fee = 18 + number * 7 % 63, 900 + number * 37 % 4000
        plan = ("basic", "plus", "family")[number % 3]
        seen = f"2026-02-{1 + number % 28:02}"
        lines.append(f"c{number:04},{age if number % 40 else ''},{plan},{fee / 100:.2f},{number * 13 % 5 // 4},{seen}")
    return "\n".join(lines) + "\n"


def drift() -> str:
    """Four made-up weeks of a monitor: quiet, from the 9th on minor, from the 13th on worse and worse, quiet again."""
    lines = ["at,psi,samples,features.mean area,features.mean texture"]
    for hour in range(28 * 24):
        day, wave = 1 + hour // 24, hour * 7 % 24 / 1_000
        area = 0.03 if day < 9 or day > 23 else 0.11 if day < 13 else 0.11 + (hour - 12 * 24) / 1_200
        samples = 1_500 + hour * 37 % 900 if hour % 24 != 3 or day < 25 else 420
        if day != 6:  # nothing was recorded
            psi = [f"{area + wave:.3f}", f"{0.02 + wave / 2:.3f}"]
            lines.append(f"2026-02-{day:02}T{hour % 24:02}:00:00Z,{max(psi)},{samples},{','.join(psi)}")
    return "\n".join(lines) + "\n"


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    dates = {"GIT_AUTHOR_DATE": MOMENT, "GIT_COMMITTER_DATE": MOMENT}
    subprocess.run(["git", *identity, *words], cwd=folder, env={**surroundings(), **dates}, check=True)


if __name__ == "__main__":
    for page in [*PAGES, *ON_A_COPY]:
        page.write_text(renewed(page), encoding="utf-8")
