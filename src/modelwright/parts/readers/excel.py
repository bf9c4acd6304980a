"""Reads a sheet of a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader
from modelwright.tables.sources.files import find_files

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


class Excel(Reader):
    """A sheet of Excel or OpenDocument files with the same columns. Needs the extra `excel`; macros are never run.

    Cells are taken as values: dates as dates, formulas as their last result. Rows without a value are passed over; of
    merged cells the first has the value. Rows are named by their number in the sheet.
    """

    kind: Literal["excel"] = "excel"
    path: str | list[str] = Field(
        description="Files, globs (** too) or folders of *.xlsx, *.xlsm, *.xlsb, *.xls, *.ods."
    )
    sheet: str | None = Field(None, min_length=1, description="Name of the sheet; default: the first.")
    header_row: int = Field(1, ge=1, le=1000, description="Number of the row that names the columns.")
    null_words: list[str] = Field(
        ["", "NA", "N/A", "#N/A", "NaN", "null", "NULL", "None"], description="Values that mean missing."
    )

    example: ClassVar[Mapping[str, Any]] = {"path": "data/rides.xlsx"}

    def inputs(self, base: Path) -> list[Path]:
        return find_files(base, self.path, SUFFIXES)

    def header(self, base: Path) -> list[str]:
        from modelwright.tables.sources.files import shown
        from modelwright.tables.sources.sheet_rows import sheet_header

        path = self.inputs(base)[0]
        return sheet_header(path, shown(path, base), self.sheet, self.header_row)

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.reading import TextRules
        from modelwright.tables.sources.fetching import fetch
        from modelwright.tables.sources.sheet_rows import read_sheets

        files = [(file.path, file.shown) for file in fetch(engine.folder, base, self.path, SUFFIXES)]
        rules = TextRules(tuple(self.null_words), strip=True)
        return read_sheets(engine, files, self.sheet, self.header_row, rules)


PART = Excel
