"""Reads Arrow files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader
from modelwright.parts.filesystem import PATH, Filesystem, fingerprint, local_files

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

SUFFIXES = (".arrow", ".arrows", ".feather", ".ipc")


class Arrow(Reader):
    """Arrow IPC files and streams, and Feather files of version 2: the same thing. Types are taken as they are."""

    kind: Literal["arrow"] = "arrow"
    path: str | list[str] = Field(description=PATH.format("*.arrow and *.feather", ".arrow"))
    filesystem: Filesystem = Field(Filesystem(), description="How URLs are reached.")

    example: ClassVar[Mapping[str, Any]] = {"path": "data/rides.arrow"}

    def inputs(self, base: Path) -> list[Path]:
        return local_files(base, self.path, SUFFIXES)

    def header(self, base: Path) -> list[str] | None:
        """Only Arrow can tell."""
        return None

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        return fingerprint(self.path, SUFFIXES, self.filesystem)

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.fetching import fetch
        from modelwright.tables.sources.ipc_rows import read_ipc

        found = fetch(engine.folder, base, self.path, SUFFIXES, self.filesystem.access())
        return read_ipc(engine, [(file.path, file.shown) for file in found])


PART = Arrow
