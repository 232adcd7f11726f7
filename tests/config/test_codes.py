"""docs/validate.md has every code of a problem."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = [*(ROOT / "driftgate" / "config").glob("*.py"), ROOT / "driftgate" / "build_errors.py"]
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# what makes a problem → which of its arguments is the code
MAKERS = {"Problem": 4, "_fault": 3, "_note": 1, "_problem": 3, "_refuse": 3, "problem": 1}


def used() -> Iterator[str]:
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                yield from texts(node.args[MAKERS[name] : MAKERS[name] + 1] if name in MAKERS else [])
            elif isinstance(node, ast.FunctionDef) and "code" in [argument.arg for argument in node.args.args]:
                yield from texts(node.args.defaults)


def texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
            yield node.value


def test_every_code_is_in_the_page_and_no_other() -> None:
    page = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z0-9-]+)` \| .", page.partition("\n## All problems\n")[2], re.MULTILINE)

    assert listed == sorted(set(used()))


def test_every_code_of_a_case_is_one_of_them() -> None:
    cases = (ROOT / "tests" / "cases" / "invalid").glob("*/expected.txt")
    seen = {code for case in cases for code in re.findall(r": (?:error|warning)\[(.*?)\]: ", case.read_text("utf-8"))}

    assert seen <= set(used())
