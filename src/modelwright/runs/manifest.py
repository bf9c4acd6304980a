"""`manifest.json`: what a run was made of and the size and sha256 of everything it wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from modelwright.core.canonical import digest, to_json
from modelwright.core.errors import ArtifactError
from modelwright.runs.durable import open_regular
from modelwright.runs.identity import Input

MANIFEST = "manifest.json"
SPEC = "spec.yaml"
SCHEMA_VERSION = 2  # raised whenever an older run's files can't be read any more


@dataclass(frozen=True)
class Output:
    """A file's size and digest."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`key` is the cache key and `parts` the digests that it was made from (see `runs.identity`)."""

    stage: str
    name: str
    version: int
    key: str
    parts: Mapping[str, str]
    spec_digest: str
    inputs: tuple[Input, ...]
    outputs: Mapping[str, Output]  # by path inside the run
    unhashed: tuple[str, ...]  # files that may differ from run to run: times, a study's database
    seed: int
    threads: int
    tool_version: str
    git: Mapping[str, Any] | None  # commit and dirty, of the folder worked in
    lock_digest: str
    schema_version: int = SCHEMA_VERSION

    @property
    def digest(self) -> str:
        """sha256 over what the run made: not the spec, which is what it was asked (but is verified too)."""
        return digest({name: file.sha256 for name, file in self.outputs.items() if name != SPEC})

    def numbered(self, version: int) -> Manifest:
        return replace(self, version=version)

    def to_bytes(self) -> bytes:
        """Ends with a digest of itself, since nothing else vouches for it."""
        content = asdict(self)
        return to_json({**content, "digest": digest(content)})

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read and check a run folder's manifest. ArtifactError says what is wrong with it."""
        path = folder / MANIFEST
        try:
            with os.fdopen(open_regular(path), "rb") as file:
                raw = file.read()
            content = json.loads(raw)
            written = content.pop("digest")
            version = content["schema_version"]
            found = digest(content)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ArtifactError("is missing", where=str(path), hint=_HINT) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ArtifactError("is damaged: not a manifest", where=str(path), hint=_HINT) from error
        if version != SCHEMA_VERSION:
            raise ArtifactError(
                f"is of schema version {version!r}, this modelwright reads {SCHEMA_VERSION}",
                where=str(path),
                hint="use the modelwright that wrote it, or run its stage again to make a new version",
            )
        if found != written:
            raise ArtifactError(f"is damaged: its sha256 is {found}, it says {written}", where=str(path), hint=_HINT)
        if raw != to_json({**content, "digest": written}):
            raise ArtifactError("is damaged: not the bytes that were written", where=str(path), hint=_HINT)
        try:
            return cls._from_dict(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"is not valid: {error}", where=str(path), hint=_HINT) from error

    @classmethod
    def _from_dict(cls, content: dict[str, Any]) -> Manifest:
        outputs = {
            _inside(name): Output(int(file["bytes"]), str(file["sha256"])) for name, file in content["outputs"].items()
        }
        inputs = tuple(Input(**entry) for entry in content["inputs"])
        unhashed = tuple(_inside(name) for name in content["unhashed"])
        return cls(**{**content, "outputs": outputs, "inputs": inputs, "unhashed": unhashed})


_HINT = "a damaged run is never used: run its stage again to make a new version"


def _inside(relative: str) -> str:
    """The path itself when it stays inside the run, written the one way. ValueError otherwise."""
    parts = PurePosixPath(relative).parts
    if not parts or relative != "/".join(parts) or ".." in parts or "\\" in relative or "\0" in relative:
        raise ValueError(f"{relative!r} is not a path inside a run")
    if PurePosixPath(relative).is_absolute():
        raise ValueError(f"{relative!r} leads outside the run")
    return relative
