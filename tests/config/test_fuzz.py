"""Whatever a file holds: problems or a pipeline, never an exception, and soon."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftgate.config.load import find_pipelines, load_all
from driftgate.config.report import render_text

ROOT = Path(__file__).parents[2]
FILES = [*find_pipelines(ROOT / "config"), ROOT / "config" / "defaults.yaml"]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in FILES}
VALID = ROOT / "tests" / "cases" / "valid"
WHOLE = {  # the rest of the language: groups, expansion, params, assets; environments and extends
    **{f"config/pipelines/{path.name}": path.read_bytes() for path in VALID.glob("*.yaml")},
    **{path.relative_to(VALID / "inheritance").as_posix(): path.read_bytes()
       for path in VALID.glob("inheritance/config/**/*.yaml")},
}  # fmt: skip

VALUES = [
    b"null", b"true", b"-1", b"0", b"1e999", b".nan", b"99999999999999999999", b"''", b'"\\n"', b"[]", b"{}",
    b"[[], {}]", b"{a: {b: c}}", b"!x y", b"&a [*a]", b"*missing", b"{{ x }}", b"@x", b"| x", b"\xff", b"\x00",
    b"\xe2\x80\xa8", "漂移🚨".encode(), b"0001-01-01T00:00:00+14:00", b"2999-12-31", b"Etc/GMT+14", b"../etc", b"6h\\n",
    b"check_drift", b"a.b.C", b"child", b"../templates/monitor.yaml", b"{output_of: check}", b"{tasks: {a: {}}}",
    b"[begin, data.load]", b"{any: [{all: [x]}]}", b"all_done", b"[{message: x}]", b"prod",
    b"decide_action", b"? [x]", b"<<", b"---", b"\t", b"x" * 300,
]  # fmt: skip

Mutation = Callable[[bytes], bytes]


def _lines(change: Callable[[list[bytes], int], list[bytes]]) -> Callable[[int], Mutation]:
    def mutate(position: int) -> Mutation:
        def apply(text: bytes) -> bytes:
            lines = text.split(b"\n")
            return b"\n".join(change(lines, position % len(lines)))

        return apply

    return mutate


def _value(position: int, value: bytes) -> Mutation:
    def change(lines: list[bytes], at: int) -> list[bytes]:
        key, colon, _ = lines[at].partition(b":")
        return [*lines[:at], key + (colon or b":") + b" " + value, *lines[at + 1 :]]

    return _lines(change)(position)


def _splice(position: int, length: int, inserted: bytes) -> Mutation:
    def apply(text: bytes) -> bytes:
        at = position % (len(text) + 1)
        return text[:at] + inserted + text[at + length :]

    return apply


_POSITIONS = st.integers(0, 5_000)
_DELETE = _POSITIONS.map(_lines(lambda lines, at: lines[:at] + lines[at + 1 :]))
_REPEAT = _POSITIONS.map(_lines(lambda lines, at: [*lines[: at + 1], *lines[at:]]))
_INDENT = _POSITIONS.map(_lines(lambda lines, at: [*lines[:at], b"  " + lines[at], *lines[at + 1 :]]))
_REPLACE = st.builds(_value, _POSITIONS, st.sampled_from(VALUES))
_SPLICE = st.builds(_splice, _POSITIONS, st.integers(0, 5), st.binary(max_size=4))
_TYPO = st.builds(
    _splice, _POSITIONS, st.integers(0, 2), st.sampled_from([b"'", b'"', b":", b"-", b"{", b"]", b" ", b"\t"])
)
MUTATIONS = st.lists(st.one_of(_DELETE, _REPEAT, _INDENT, _REPLACE, _SPLICE, _TYPO), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TEXTS)), MUTATIONS)
def test_no_edit_of_a_shipped_file_raises_an_exception(name: str, mutations: list[Mutation]) -> None:
    text = TEXTS[name]
    for mutate in mutations:
        text = mutate(text)
    check({**TEXTS, name: text})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(WHOLE)), MUTATIONS)
def test_no_edit_of_a_file_that_uses_the_whole_language_raises_an_exception(
    name: str, mutations: list[Mutation]
) -> None:
    text = WHOLE[name]
    for mutate in mutations:
        text = mutate(text)
    others = {other: WHOLE[other] for other in WHOLE if "pipelines" not in other or "team" in other or "child" in other}
    check({**others, name: text}, env="prod")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_an_exception(text: bytes) -> None:
    check({"config/pipelines/x.yaml": text})


def test_a_task_without_an_id_among_tasks_without_their_header_is_no_bug() -> None:
    name = "config/pipelines/drift_monitoring.yaml"
    lines = [line for line in TEXTS[name].splitlines() if line not in (b"tasks:", b"  log_no_drift:")]
    check({**TEXTS, name: b"\n".join(lines)})


def check(files: dict[str, bytes], env: str = "") -> None:
    root = Path(tempfile.mkdtemp())
    try:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text)
        started = time.process_time()
        loaded = load_all(root / "config", env=env)
        assert not [problem for problem in loaded.problems if problem.code == "bug"]
        report = render_text(loaded.problems, root)
        assert time.process_time() - started < 5
    finally:
        shutil.rmtree(root)
    assert len(loaded.pipelines) == sum(name.startswith("config/pipelines/") for name in files) or loaded.problems
    assert all(char.isprintable() or char in "\n\t" for char in report)
