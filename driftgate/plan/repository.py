"""The configuration as git has it at some commit, put into a folder of its own; no checkout is touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from driftgate.errors import UserMistake

MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")  # the first that exists is the main branch

# What git sets for its hooks: it would lead our own calls of git astray.
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
_SUFFIXES = (".yaml", ".yml", ".json")
_LINK, _FILE = "120000", ("100644", "100755")


class BaseUnreadable(UserMistake):
    """There is nothing to compare with: no repository, no such ref, no configuration at it."""


@dataclass(frozen=True)
class Base:
    """The commit that is compared with."""

    ref: str  # as it was asked for, or found: "origin/main"
    commit: str  # in full
    subject: str  # the first line of its message
    merge_base: bool  # whether it is the commit at which the work left ``ref``, rather than ``ref`` itself


class Repository:
    """The git repository that ``folder`` is in."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))
        top = self._git("rev-parse", "--show-toplevel")
        self.top = Path(os.path.realpath(top))

    def contains(self, path: Path) -> bool:
        """Tell whether ``path`` is in the working tree."""
        return Path(os.path.realpath(path)).is_relative_to(self.top)

    def base(self, ref: str | None) -> Base:
        """Return the commit called ``ref``; without one, that at which the work left the main branch."""
        if ref is not None:
            return self._describe(ref, self._commit(ref), merge_base=False)
        main = next(
            (name for name in MAIN if self._answer("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")), ""
        )
        if not main:
            tried = f"{', '.join(MAIN[:-1])} and {MAIN[-1]}"
            raise BaseUnreadable(f"there is no main branch to compare with: {tried} do not exist{self._next_step()}")
        if main == "origin/HEAD":
            main = self._git("rev-parse", "--abbrev-ref", main)
        if self._answer("symbolic-ref", "--quiet", "--short", "HEAD") == main.removeprefix("origin/"):
            return self._describe("HEAD", self._commit("HEAD"), merge_base=False)
        commit = self._answer("merge-base", main, "HEAD")
        if not commit:
            raise BaseUnreadable(f"{main} and HEAD have no commit in common{self._next_step()}")
        return self._describe(main, commit, merge_base=True)

    def refs(self) -> list[str]:
        """Return the names of all branches and tags."""
        return self._answer(
            "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes"
        ).split()

    def export(self, base: Base, source: Path, target: Path) -> int:
        """Write the YAML and JSON files that ``source``, a folder of the working tree, has at ``base`` to ``target``.

        Returns how many there are. Links become what they lead to, if that is in the repository too.
        """
        below = Path(os.path.realpath(source)).relative_to(self.top).as_posix()
        names = dict(self._objects(base.commit, below))
        count = 0
        for name, content in zip(names, self._contents(list(names.values())), strict=True):
            if content is not None:
                path = target / PurePosixPath(name).relative_to(below)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                count += 1
        return count

    def _commit(self, ref: str) -> str:
        if ref.startswith("-") or not ref.strip():
            raise BaseUnreadable(f"'{ref}' is no name of a commit")
        commit = self._answer("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if not commit:
            raise BaseUnreadable(f"there is no commit '{ref}' in {self.top}{self._next_step()}")
        return commit

    def _describe(self, ref: str, commit: str, *, merge_base: bool) -> Base:
        return Base(ref, commit, self._git("show", "--no-patch", "--format=%s", commit, "--"), merge_base)

    def _next_step(self) -> str:
        if self._answer("rev-parse", "--is-shallow-repository") == "true":
            return "\n  this clone is shallow: git fetch --unshallow (in GitHub's checkout: fetch-depth: 0)"
        return "\n  name another commit with --base, or fetch it first: git fetch origin"

    def _objects(self, commit: str, below: str) -> Iterator[tuple[str, str]]:
        """Return each file's name, from the top, and what git calls its content."""
        only = [] if below == "." else [below]
        listed = self._run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *only).stdout
        for entry in listed.decode("utf-8", "surrogateescape").split("\0"):
            details, _, name = entry.partition("\t")
            if not name.endswith(_SUFFIXES):
                continue
            mode, _, sha = details.split()
            if mode in _FILE:
                yield name, sha
            elif mode == _LINK and "\n" not in name:
                yield name, f"{commit}:{name}"

    def _contents(self, objects: Sequence[str]) -> Iterator[bytes | None]:
        """Return what each object holds; None for a link that leads out of the repository."""
        asked = "".join(f"{name}\n" for name in objects).encode("utf-8", "surrogateescape")
        answer = self._run("cat-file", "--batch", "--follow-symlinks", given=asked).stdout
        start = 0
        for _ in objects:
            head, _, _ = answer[start:].partition(b"\n") if start < len(answer) else (b"", b"", b"")
            start += len(head) + 1
            words = head.split()
            if words[-1:] in ([b"missing"], []):
                yield None
                continue
            size = int(words[-1])
            yield answer[start : start + size] if words[1] == b"blob" else None
            start += size + 1

    def _answer(self, *words: str) -> str:
        """Return what git says; nothing when it says no."""
        done = self._run(*words, check=False)
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""

    def _git(self, *words: str) -> str:
        return self._run(*words).stdout.decode(errors="replace").strip()

    def _run(self, *words: str, given: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
        environment = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
        command = ["git", "-C", str(self.folder), *words]
        try:
            done = subprocess.run(command, input=given, capture_output=True, env=environment, check=False)  # noqa: S603
        except OSError as error:
            raise BaseUnreadable(f"git cannot be run: {error.strerror}; install it, or add it to PATH") from error
        if check and done.returncode:
            said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[0]
            raise BaseUnreadable(f"git {words[0]} in {self.folder} fails: {said}")
        return done
