"""The files of a configuration: which there are, and how they lie over each other for one pipeline.

From the top: the environment's part for the pipeline, the pipeline's own file, the files that it extends, the
environment's defaults, defaults.yaml.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from driftgate.config import source
from driftgate.config.layers import Layers
from driftgate.config.outline import mend
from driftgate.config.source import Document
from driftgate.config.words import suggest
from driftgate.errors import Problem

SUFFIXES = (".yaml", ".yml")
OWN_KEYS = ("dag_id", "extends")  # what one file says of itself, and no other inherits


def find_pipelines(directory: Path) -> list[Path]:
    """Return the pipeline files of the configuration in ``directory``, sorted; hidden ones do not count."""
    return _find(directory / "pipelines")


def find_environments(directory: Path) -> dict[str, Path]:
    """Return the environments of the configuration in ``directory`` by name."""
    folder = directory / "environments"
    return {path.stem: path for path in reversed(_find(folder)) if path.parent == folder}


def _find(top: Path) -> list[Path]:
    found: list[Path] = []
    for folder, subfolders, files in os.walk(top):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        names = [name for name in files if name.endswith(SUFFIXES) and not name.startswith(".")]
        found.extend(Path(folder, name) for name in names)
    return sorted(found)


class Folder:
    """A configuration's folder in one environment ("" for none): every file in it is read once.

    Paths that it is asked about are absolute, and hold no ``..``.
    """

    def __init__(self, directory: Path, env: str, proposed: Mapping[Path, Sequence[Document]] | None = None) -> None:
        self.proposed = proposed or {}  # pipeline file → what is to lie over everything else, from the top
        self.directory = Path(os.path.abspath(directory))  # not resolved: names in messages are as people see them
        self.env = env
        self._root = f"{self.directory.parent.as_posix().rstrip('/')}/"
        self._contents: dict[str, bytes | OSError] = {}
        self._documents: dict[str, Document] = {}

    @cached_property
    def paths(self) -> list[Path]:
        return find_pipelines(self.directory)

    @cached_property
    def templates(self) -> list[Path]:
        return _find(self.directory / "templates")

    @property
    def nothing_there(self) -> Problem:
        """The problem of a configuration without any pipeline: most likely a folder that got lost."""
        file = self.name(self.directory / "pipelines")
        hint = "put a file for each pipeline there, or set DRIFTGATE_CONFIG_DIR to the folder that holds pipelines/"
        return Problem(file, 0, 0, "", "no-pipelines", "there is no pipeline in this folder", hint)

    @cached_property
    def by_stem(self) -> dict[str, list[Path]]:
        by_stem: dict[str, list[Path]] = {}
        for path in self.paths:
            by_stem.setdefault(path.stem, []).append(path)
        return by_stem

    def name(self, path: Path) -> str:
        """Return what messages call ``path``: relative to the repository, the parent of the configuration."""
        return path.as_posix().removeprefix(self._root)

    def document(self, path: Path) -> Document:
        """Return what is in ``path``."""
        file = self.name(path)
        if file not in self._documents:
            read = source.document(self._content(file), file)
            self._documents[file] = (
                mend(read, environment=path.parent == self.directory / "environments") if read.readable else read
            )
        return self._documents[file]

    def _content(self, file: str) -> bytes | OSError:
        if file not in self._contents:
            self._contents[file] = source.raw(self.directory.parent / file)
        return self._contents[file]

    def digest(self, file: str) -> str:
        """Return what tells the content of the file that messages call ``file`` from any other."""
        content = self._content(file)
        return hashlib.blake2b(content, digest_size=16).hexdigest() if isinstance(content, bytes) else repr(content)

    @cached_property
    def whole(self) -> str:
        """A digest of all pipelines."""
        digest = hashlib.blake2b(digest_size=16)
        for file in map(self.name, self.paths):
            digest.update(f"{file}\0{self.digest(file)}\0".encode())
        return digest.hexdigest()

    @cached_property
    def defaults(self) -> Document:
        path = self.directory / "defaults.yaml"
        empty = Document(self.name(path), "", {})
        if not path.exists() and not path.is_symlink():
            return empty
        return _or_empty(self.document(path))

    @cached_property
    def environment(self) -> Document | None:
        """The file of the environment; None without one, and if there is none of this name."""
        path = find_environments(self.directory).get(self.env) if self.env else None
        return _or_empty(self.document(path)) if path else None

    @cached_property
    def unknown_environment(self) -> Problem | None:
        """The problem with the environment's name, if there is one."""
        if not self.env or self.environment:
            return None
        known = sorted(find_environments(self.directory))
        file = self.name(self.directory / "environments" / f"{self.env}.yaml")
        hint = f"environments: {', '.join(known)}" if known else f"create {file}, or unset DRIFTGATE_ENV"
        message = f"there is no environment '{self.env}'"
        return Problem(file, 0, 0, "", "unknown-environment", message, suggest(self.env, known, hint))

    def layers(self, path: Path) -> tuple[Layers, list[Path], list[Problem]]:
        """Return the documents that make the pipeline in ``path``, the files it extends, and the faults of those."""
        bases, faults = self._bases(path)
        inherited = [self.document(base).part(without=OWN_KEYS) for base in bases]
        below = [self.defaults.part(without=OWN_KEYS)]
        above: list[Document] = []
        if self.environment:
            above = [self.environment.part("pipelines", path.stem, without=OWN_KEYS)]
            below = [self.environment.part("defaults", without=OWN_KEYS), *below]
        above = [*self.proposed.get(path, ()), *above]
        documents = (*above, self.document(path), *inherited, *below)
        return Layers(documents, home=len(above)), bases, faults

    def _bases(self, path: Path) -> tuple[list[Path], list[Problem]]:
        chain = [path]
        while isinstance(extends := self.document(chain[-1]).data.get("extends"), str) and extends:
            target = self._target(extends, chain[-1])
            if isinstance(target, Problem):
                return chain[1:], [target]
            if target in chain:
                return chain[1:], [self._cycle(chain[chain.index(target) :])]
            chain.append(target)
        return chain[1:], []

    def _target(self, extends: str, path: Path) -> Path | Problem:
        if "/" not in extends and not extends.endswith(SUFFIXES):
            return self._pipeline(extends, path)
        target = Path(os.path.normpath(path.parent / extends))
        if not target.is_relative_to(self.directory):
            hint = f"move it to {self.directory.name}/templates/, say"
            return self._fault(path, f"extends: '{extends}' is outside of {self.directory.name}/", hint)
        if target.is_file():
            return target
        others = [os.path.relpath(other, path.parent) for other in _find(self.directory) if other != path]
        hint = suggest(extends, others, "the path is relative to this file, such as ../templates/monitoring.yaml")
        return self._fault(path, f"extends: there is no file '{extends}'", hint)

    def _pipeline(self, dag_id: str, path: Path) -> Path | Problem:
        found = self.by_stem.get(dag_id, [])
        if len(found) == 1:
            return found[0]
        if found:
            files = " and ".join(self.name(other) for other in found)
            return self._fault(path, f"extends: '{dag_id}' can be {files}", "write the path of the one that is meant")
        others = sorted(self.by_stem.keys() - {path.stem})
        templates = [other for other in _find(self.directory) if other.stem == dag_id]
        hint = f"pipelines: {', '.join(others[:20])}" if others else "write the path of a file, relative to this one"
        hint = suggest(dag_id, others, hint)
        if templates:
            hint = f"write its path: {os.path.relpath(templates[0], path.parent)}"
        return self._fault(path, f"extends: there is no pipeline '{dag_id}'", hint)

    def _cycle(self, chain: Sequence[Path]) -> Problem:
        names = [path.stem if path in self.paths else self.name(path) for path in chain]
        if len(names) == 1:
            return self._fault(chain[0], f"{names[0]} extends itself", "remove it, or name another", "extends-cycle")
        message = f"pipelines extend each other: {' → '.join([*names, names[0]])}"
        hint = "remove one of these, or put what they share into a file of its own"
        return self._fault(chain[0], message, hint, "extends-cycle")

    def _fault(self, path: Path, message: str, hint: str, code: str = "unknown-base") -> Problem:
        document = self.document(path)
        return Problem(document.file, *document.position(("extends",)), "extends", code, message, hint)


def _or_empty(document: Document) -> Document:
    """Return ``document``; a file with nothing in it says nothing, which is no mistake here."""
    if any(problem.code == "empty-file" for problem in document.problems):
        return Document(document.file, "", {})
    return document
