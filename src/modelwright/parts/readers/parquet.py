"""Reads Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.canonical import digest
from modelwright.parts.base import Reader
from modelwright.parts.filesystem import PATH, Filesystem, fingerprint, local_files
from modelwright.tables.sources.partitions import is_partitioned, partitioned_files, partitions_of

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

SUFFIXES = (".parquet",)


class Parquet(Reader):
    """One or more Parquet files with the same columns, whatever their order. Their types are taken as they are.

    A folder that is partitioned as Hive and Spark do it (`rides/year=2026/month=02/part-0.parquet`) is read whole; what
    the names of its folders say becomes columns.
    """

    kind: Literal["parquet"] = "parquet"
    path: str | list[str] = Field(description=PATH.format("*.parquet", ".parquet"))
    filesystem: Filesystem = Field(Filesystem(), description="How URLs are reached.")
    incremental: bool = Field(
        False, description="Keep what was read with the run; the next one reads new and changed files only."
    )

    example: ClassVar[Mapping[str, Any]] = {"path": "data/rides.parquet"}

    def inputs(self, base: Path) -> list[Path]:
        folder = self._partitioned(base)
        return local_files(base, self.path, SUFFIXES) if folder is None else partitioned_files(folder)

    def header(self, base: Path) -> list[str] | None:
        """Only Arrow or DuckDB can tell."""
        return None

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        folder = self._partitioned(base)
        if folder is None:
            return fingerprint(self.path, SUFFIXES, self.filesystem)
        places = [path.relative_to(folder).as_posix() for path in partitioned_files(folder)]
        return {"partitions": digest(places)}  # a renamed folder is other data

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.fetching import fetch
        from modelwright.tables.sources.parquet_rows import read_parquet

        folder = self._partitioned(base)
        if folder is not None:
            files = [(path, path.relative_to(folder.parent).as_posix()) for path in partitioned_files(folder)]
            return read_parquet(engine, files, partitions_of(folder, [path for path, _ in files]))
        found = fetch(engine.folder, base, self.path, SUFFIXES, self.filesystem.access())
        return read_parquet(engine, [(file.path, file.shown) for file in found])

    def _partitioned(self, base: Path) -> Path | None:
        folder = base.absolute() / self.path if isinstance(self.path, str) else None
        return folder if folder is not None and is_partitioned(folder) else None


PART = Parquet
