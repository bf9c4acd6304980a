"""Reads the .ts files of time series classification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader
from modelwright.tables.sources.files import find_files, shown

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading


class Ts(Reader):
    """Series of the UEA and UCR archives, as sktime and aeon write them: one series a line, channels parted by colons.

    A row per step: `series` (numbered through all files), `step`, `channel_1`, `channel_2`, …, `label`. Rows of a
    series belong together: give `series` the role entity. Series may differ in length.
    """

    kind: Literal["ts"] = "ts"
    path: str | list[str] = Field(description="Files, globs (** too) or folders of *.ts, relative to the spec.")

    example: ClassVar[Mapping[str, Any]] = {"path": "data/vowels-*.ts"}

    def inputs(self, base: Path) -> list[Path]:
        return find_files(base, self.path, ".ts")

    def header(self, base: Path) -> list[str]:
        from modelwright.tables.sources.series_rows import columns_of, read_preamble

        path = self.inputs(base)[0]
        return columns_of(read_preamble(path, shown(path, base)))

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.fetching import fetch
        from modelwright.tables.sources.series_rows import read_series

        return read_series(
            engine, [(file.path, file.shown) for file in fetch(engine.folder, base, self.path, (".ts",))]
        )


PART = Ts
