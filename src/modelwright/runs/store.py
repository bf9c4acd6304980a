"""Finds runs and reads them; nothing is handed out before its bytes match the manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from modelwright.core.errors import ArtifactError, Problem, SpecError
from modelwright.core.names import checked_name, contained
from modelwright.runs.aliases import Aliases
from modelwright.runs.durable import open_regular, resources
from modelwright.runs.manifest import MANIFEST, Manifest

STAGES = ("prepare", "train", "tune", "evaluate", "export", "serve", "monitor")
VERSION = re.compile(r"v(\d{4,})")


@dataclass(frozen=True)
class Run:
    """One committed run folder. Reading a file checks its size and sha256."""

    path: Path
    name: str
    stage: str
    version: int
    manifest: Manifest

    @classmethod
    def at(cls, folder: Path) -> Run:
        """A run folder wherever it lies, such as a bundle in a container."""
        manifest = Manifest.load(folder)
        return cls(folder, manifest.name, manifest.stage, manifest.version, manifest)

    @property
    def label(self) -> str:
        return label(self.stage, self.version)

    @cached_property
    def digest(self) -> str:
        """sha256 over what the run made; the same in every folder and on every repetition."""
        return self.manifest.digest

    def source(self, role: str) -> str | None:
        """What the run read in that role: a label such as `prepare/v0001`, or a file's name."""
        return next((entry.name for entry in self.manifest.inputs if entry.role == role), None)

    @property
    def made_from(self) -> list[tuple[str, int]]:
        """Stage and version of the runs that this one read. One that it only looked at has another role."""
        named = ((entry.role, entry.name.partition("/")) for entry in self.manifest.inputs)
        return [
            (stage, int(number[1]))
            for role, (stage, _, version) in named
            if role == stage and stage in STAGES and (number := VERSION.fullmatch(version))
        ]

    def read_bytes(self, relative: str) -> bytes:
        """A file's content, checked. ArtifactError (exit 4) names the file and both hashes."""
        handle = self._open(relative)
        with os.fdopen(handle, "rb") as file, resources(self.path):
            content = file.read()
        self._compare(relative, len(content), hashlib.sha256(content).hexdigest())
        return content

    def read_json(self, relative: str) -> Any:
        return json.loads(self.read_bytes(relative))

    def file(self, relative: str) -> Path:
        """The path of a file whose content was checked just now, for readers that want a path."""
        handle = self._open(relative)
        with os.fdopen(handle, "rb") as file, resources(self.path):
            size = os.fstat(file.fileno()).st_size
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._compare(relative, size, sha256)
        return self.path / relative

    def verify(self) -> None:
        """Check every file. ArtifactError reports all that are damaged."""
        problems: list[Problem] = []
        for relative in (*self.manifest.outputs, *self.manifest.unhashed):
            try:
                self.file(relative)
            except ArtifactError as error:
                problems.extend(error.problems)
        if problems:
            raise ArtifactError.of(problems)

    def __contains__(self, relative: object) -> bool:
        return relative in self.manifest.outputs or relative in self.manifest.unhashed

    def _open(self, relative: str) -> int:
        if relative not in self:
            raise ArtifactError(f"{relative!r} is not among the files of {self.label}", where=str(self.path))
        path = self.path / relative
        try:
            contained(self.path, relative)
            with resources(self.path):
                return open_regular(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            expected = self.manifest.outputs.get(relative)
            wanted = f": the manifest says sha256 {expected.sha256}, found none" if expected else ""
            raise ArtifactError(f"is missing{wanted}", where=str(path), hint=self._hint) from error
        except SpecError as error:
            raise ArtifactError(str(error), where=str(self.path), hint=self._hint) from error

    def _compare(self, relative: str, size: int, sha256: str) -> None:
        expected = self.manifest.outputs.get(relative)
        if expected is not None and (size, sha256) != (expected.bytes, expected.sha256):
            raise ArtifactError(
                f"is damaged: sha256 {sha256} ({size} bytes), the manifest says {expected.sha256} "
                f"({expected.bytes} bytes)",
                where=str(self.path / relative),
                hint=self._hint,
            )

    @property
    def _hint(self) -> str:
        return f"run modelwright {self.stage} again: a damaged run is never used, a new version is made"


class Store:
    """The folder `runs/`: `<name>/<stage>/vNNNN/`. `warnings` collects what was passed over and why."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.warnings: list[str] = []

    def names(self) -> list[str]:
        """The names that have runs."""
        if not self.root.is_dir():
            return []
        folders = (entry for entry in self.root.iterdir() if not entry.name.startswith("."))
        return sorted(entry.name for entry in folders if any((entry / stage).is_dir() for stage in STAGES))

    def folder(self, name: str, stage: str) -> Path:
        """Where a stage's versions are. SpecError for names that could lead elsewhere."""
        relative = f"{checked_name(name)}/{checked_name(stage)}"
        contained(self.root, relative)
        return self.root / relative

    def versions(self, name: str, stage: str) -> list[int]:
        """Committed versions by number, the oldest first."""
        folder = self.folder(name, stage)
        entries = folder.iterdir() if folder.is_dir() else ()
        return sorted(int(found[1]) for entry in entries if (found := VERSION.fullmatch(entry.name)))

    def open(self, name: str, stage: str, version: int) -> Run:
        """One run, its manifest checked; files are checked as they are read."""
        path = self.folder(name, stage) / f"v{version:04d}"
        if not path.is_dir() or path.is_symlink():
            raise self._missing(name, stage, version)
        with resources(path):
            manifest = Manifest.load(path)
        if (manifest.stage, manifest.version) != (stage, version):
            raise ArtifactError(
                f"is the manifest of {label(manifest.stage, manifest.version)}",
                where=str(path / MANIFEST),
                hint="the folder was copied or renamed by hand; put it back or remove it",
            )
        return Run(path, name, stage, version, manifest)

    def runs(self, name: str, stage: str) -> Iterator[Run]:
        """The newest first. Damaged ones are passed over with a warning."""
        for version in reversed(self.versions(name, stage)):
            try:
                yield self.open(name, stage, version)
            except ArtifactError as error:
                self._warn(label(stage, version), error)

    def newest(self, name: str, stage: str) -> Run | None:
        return next(self.runs(name, stage), None)

    def find(self, name: str, stage: str, key: str) -> Run | None:
        """The newest run with this cache key, every file of it checked."""
        for run in self.runs(name, stage):
            if run.manifest.key == key:
                try:
                    run.verify()
                except ArtifactError as error:
                    self._warn(run.label, error)
                else:
                    return run
        return None

    def resolve(self, name: str, stage: str, reference: str | int) -> Run:
        """The run of `stage` that is meant by 3, "v0003", "train/v0003", "newest", a folder or an alias.

        An alias names an export; for another stage it means the run that this export was made from.
        """
        text = str(reference)
        if Path(text).is_absolute() or text.count("/") > 1:
            text = self._label_of_folder(name, text)
        given, _, last = text.rpartition("/")
        if given and given != stage:
            raise SpecError(f"{text!r} is a run of {given}, a run of {stage} is needed")
        if last == "newest":
            newest = self.newest(name, stage)
            if newest is None:
                raise self._missing(name, stage, None)
            return newest
        number = VERSION.fullmatch(last) or re.fullmatch(r"v?(\d{1,9})", last)
        if number:
            return self.open(name, stage, int(number[1]))
        return self._aliased(name, stage, last)

    def ancestors(self, run: Run) -> list[Run]:
        """All runs that `run` was made from, the nearest first; those that were removed are left out."""
        found: dict[str, Run] = {}
        waiting = [run]
        while waiting:
            for stage, version in waiting.pop(0).made_from:
                if label(stage, version) not in found and version in self.versions(run.name, stage):
                    source = self.open(run.name, stage, version)
                    found[source.label] = source
                    waiting.append(source)
        return list(found.values())

    def _aliased(self, name: str, stage: str, alias: str) -> Run:
        current = Aliases(self, name).current()
        if alias not in current:
            known = ", ".join(sorted(current)) or "none yet"
            raise ArtifactError(
                f"{name} has no alias or version {alias!r}",
                hint=f"aliases: {known}; versions look like v0003; see modelwright runs list",
            )
        export = self.open(name, "export", current[alias])
        if stage == "export":
            return export
        for ancestor in self.ancestors(export):
            if ancestor.stage == stage:
                return ancestor
        raise ArtifactError(f"{alias} ({export.label}) was not made from a run of {stage}")

    def _label_of_folder(self, name: str, text: str) -> str:
        place = Path(text).resolve()
        root = (self.root / checked_name(name)).resolve()
        if not place.is_relative_to(root) or len(place.relative_to(root).parts) != 2:
            raise SpecError(f"{text} is not a run of {name} below {self.root}")
        return place.relative_to(root).as_posix()

    def _missing(self, name: str, stage: str, version: int | None) -> ArtifactError:
        versions = self.versions(name, stage)
        wanted = stage if version is None else label(stage, version)
        if not versions:
            return ArtifactError(f"{name} has no run {wanted} in {self.root}", hint=f"run: modelwright {stage} SPEC")
        there = f"v{versions[0]:04d} to v{versions[-1]:04d}" if len(versions) > 1 else f"v{versions[0]:04d}"
        return ArtifactError(f"{name} has no run {wanted} in {self.root}", hint=f"there is {there}")

    def _warn(self, run: str, error: ArtifactError) -> None:
        text = f"{run} was passed over: {error.problems[0]}"
        if text not in self.warnings:
            self.warnings.append(text)


def label(stage: str, version: int) -> str:
    return f"{stage}/v{version:04d}"
