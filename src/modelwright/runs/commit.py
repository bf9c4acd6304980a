"""Makes a run folder: all of it appears at once under its number, or nothing does."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright import __version__
from modelwright.core.canonical import to_json
from modelwright.core.errors import ModelwrightError, SpecError
from modelwright.core.names import contained
from modelwright.runs.durable import (
    make_folders,
    open_regular,
    resource_error,
    resources,
    sweep,
    sync,
    temporary,
    write,
)
from modelwright.runs.environment import ENVIRONMENT, environment, git_state
from modelwright.runs.identity import Identity
from modelwright.runs.installed import library_digest
from modelwright.runs.locks import lock
from modelwright.runs.manifest import MANIFEST, SPEC, Manifest, Output
from modelwright.runs.store import Run, Store

LOCK = ".lock"


@dataclass
class Staged:
    """A run being made, in a folder that no reader looks at."""

    folder: Path
    store: Store
    identity: Identity
    spec_digest: str
    threads: int
    started_at: str
    started_s: float  # monotonic
    durations_s: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    outside: set[str] = field(default_factory=lambda: {ENVIRONMENT})

    def path(self, relative: str) -> Path:
        """Where to write a file of the run; its folders are made."""
        place = contained(self.folder, relative)
        if place == self.folder.resolve() or relative == MANIFEST:
            raise SpecError(f"{relative!r} can't be a file of a run")
        with resources(self.folder):
            make_folders(place.parent)
        return place

    def write_bytes(self, relative: str, content: bytes) -> None:
        with resources(self.folder):
            write(self.path(relative), content)

    def write_json(self, relative: str, content: Any) -> None:
        self.write_bytes(relative, to_json(content))

    def unhashed(self, relative: str) -> None:
        """This file may differ from run to run (timings, a study's database): keep it out of the digest."""
        self.path(relative)
        self.outside.add(relative)

    def timing(self, name: str, seconds: float) -> None:
        """A duration for environment.json."""
        self.durations_s[name] = round(seconds, 6)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """What the block took, for environment.json: seconds that went by, and those that processors worked."""
        started, worked = time.monotonic(), time.process_time()
        yield
        self.timing(name, time.monotonic() - started)
        self.cpu_s[name] = round(time.process_time() - worked, 6)

    def commit(self) -> Run:
        """Make everything durable, then visible by one rename."""
        with resources(self.folder):
            self._write_environment()
            outputs, unhashed, folders = _inventory(self.folder, self.outside)
            for relative in (*outputs, *unhashed):
                sync(self.folder / relative)
            for folder in folders:
                sync(folder)
            return self._publish(self._manifest(outputs, unhashed))

    def _publish(self, manifest: Manifest) -> Run:
        name, stage = self.identity.name, self.identity.stage
        version = max(self.store.versions(name, stage), default=0) + 1
        while True:
            manifest = manifest.numbered(version)
            write(self.folder / MANIFEST, manifest.to_bytes())
            sync(self.folder / MANIFEST)
            sync(self.folder)
            target = self.folder.with_name(f"v{version:04d}")
            try:
                os.rename(self.folder, target)  # noqa: PTH104  # the one call that makes a version
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    raise
                version += 1  # something of that name was put there by hand
            else:
                break
        sync(target.parent)
        return Run(target, name, stage, version, manifest)

    def _manifest(self, outputs: Mapping[str, Output], unhashed: list[str]) -> Manifest:
        identity = self.identity
        return Manifest(
            stage=identity.stage,
            name=identity.name,
            version=0,
            key=identity.key,
            parts=identity.parts,
            spec_digest=self.spec_digest,
            inputs=identity.inputs,
            outputs=outputs,
            unhashed=tuple(unhashed),
            seed=identity.seed,
            threads=self.threads,
            tool_version=__version__,
            git=git_state(Path()),
            lock_digest=library_digest(),
        )

    def _write_environment(self) -> None:
        seconds = {**self.durations_s, "total": round(time.monotonic() - self.started_s, 6)}
        content = {**environment(), "started_at": self.started_at, "durations_s": seconds, "cpu_s": self.cpu_s}
        write(self.folder / ENVIRONMENT, to_json(content))


@contextmanager
def begin(store: Store, identity: Identity, *, spec_text: str, threads: int) -> Iterator[Staged]:
    """Stage a run of `identity`, alone: LockedError when another process makes the same stage of that name.

    What was staged is removed when the block ends without a commit, whatever ended it.
    """
    parent = store.folder(identity.name, identity.stage)
    with lock(parent / LOCK, what=f"{identity.stage} of {identity.name}"):
        folder = parent / temporary(identity.stage)
        content = spec_text.encode()
        started = (datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic())
        staged = Staged(folder, store, identity, hashlib.sha256(content).hexdigest(), threads, *started)
        try:
            with resources(parent):
                sweep(parent)
                make_folders(folder)
                write(folder / SPEC, content)
            yield staged
        except ModelwrightError:
            raise
        except Exception as error:
            lacking = resource_error(error, parent)
            if lacking is None:
                raise
            raise lacking from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _inventory(folder: Path, outside: set[str]) -> tuple[dict[str, Output], list[str], list[Path]]:
    """Digests of the files to hash, the files not to, and all folders with the deepest first."""
    outputs: dict[str, Output] = {}
    unhashed: list[str] = []
    folders: list[Path] = []
    for place, inside, files in os.walk(folder, topdown=False):
        folders.append(Path(place))
        links = [name for name in inside if Path(place, name).is_symlink()]  # refused below, like any odd file
        for path in sorted(Path(place, file) for file in (*files, *links)):
            relative = path.relative_to(folder).as_posix()
            if relative in outside:
                unhashed.append(relative)
            else:
                outputs[relative] = _output(path)
    return dict(sorted(outputs.items())), sorted(unhashed), folders


def _output(path: Path) -> Output:
    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return Output(size, hashlib.file_digest(file, "sha256").hexdigest())
