"""Reads Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader
from modelwright.tables.files import find_files, shown

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading


class Parquet(Reader):
    """One or more Parquet files with the same columns, whatever their order. Their types are taken as they are."""

    kind: Literal["parquet"] = "parquet"
    path: str | list[str] = Field(description="Files, globs (** too) or folders of *.parquet, relative to the spec.")

    example: ClassVar[Mapping[str, Any]] = {"path": "data/rides.parquet"}

    def inputs(self, base: Path) -> list[Path]:
        return find_files(base, self.path, ".parquet")

    def header(self, base: Path) -> list[str] | None:
        """Only Arrow or DuckDB can tell."""
        return None

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.parquet_rows import read_parquet

        return read_parquet(engine, [(path, shown(path, base)) for path in self.inputs(base)])


PART = Parquet
