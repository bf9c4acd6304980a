"""Reads delimited text files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.core.errors import DataError
from modelwright.parts.base import Reader
from modelwright.parts.filesystem import PATH, Filesystem, fingerprint, is_elsewhere, local_files
from modelwright.parts.text_files import Encoding, Quote
from modelwright.tables.sources.csv_files import Dialect, read_header
from modelwright.tables.sources.files import shown, suffix_of
from modelwright.tables.sources.unpacking import packing

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

NULL_WORDS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
SAMPLE_BYTES = 262_144  # enough lines for their average length
TAB = {"tab": "\t", "\\t": "\t"}
TABBED = (".tsv", ".tab")
SUFFIXES = (".csv", *TABBED)


class Csv(Reader):
    """Delimited text: one or more files with the same columns, whatever their order; packed with gzip or zstd or not.

    Every line is accounted for: rows with too many or too few values go to `rejects.parquet` with file and line; a
    stray quote that swallows rows, and bytes in another encoding, are errors. Types come from all rows, not a sample.
    """

    kind: Literal["csv"] = "csv"
    path: str | list[str] = Field(description=PATH.format("*.csv and *.tsv", ".csv"))
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="One character, or tab; default: a comma, in *.tsv a tab."
    )
    quote: Quote = '"'
    encoding: Encoding = "utf-8"
    header_line: bool | None = Field(
        None, description="Whether a line names the columns; default: unless names are given."
    )
    names: list[str] | None = Field(None, min_length=1, description="Column names, for files without a header line.")
    null_words: list[str] = Field(NULL_WORDS, description="Values that mean missing, compared after stripping.")
    strip: bool = Field(True, description="Remove blanks around values.")
    decimal: Literal[".", ","] = Field(".", description="The decimal sign of numbers.")
    multiline: bool = Field(False, description="Accept quoted values whose lines look like rows of the file.")
    filesystem: Filesystem = Field(Filesystem(), description="How URLs are reached.")
    incremental: bool = Field(
        False, description="Keep what was read with the run; the next one parses new and changed files only."
    )

    example: ClassVar[dict[str, Any]] = {"path": "data/rides-*.csv"}

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab(cls, value: Any) -> Any:
        return TAB.get(value, value) if isinstance(value, str) else value

    def inputs(self, base: Path) -> list[Path]:
        return local_files(base, self.path, SUFFIXES)

    def header(self, base: Path) -> list[str] | None:
        if is_elsewhere(self.path):
            return None
        first, *others = self.inputs(base)
        return list(
            read_header(first, self._dialect([first.name, *(path.name for path in others)]), shown(first, base)).names
        )

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        return fingerprint(self.path, SUFFIXES, self.filesystem)

    def estimated_rows(self, base: Path) -> int | None:
        files = self.inputs(base)
        if is_elsewhere(self.path) or any(packing(path) for path in files):
            return None
        with files[0].open("rb") as file:
            start = file.read(SAMPLE_BYTES)
        lines = max(start.count(b"\n"), 1)
        return max(round(sum(path.stat().st_size for path in files) * lines / max(len(start), 1)) - len(files), 0)

    def read(self, engine: Engine, base: Path) -> Reading:
        return self.open(engine, base).accounted()

    def open(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.reading import TextRules
        from modelwright.tables.sources.csv_rows import open_csv
        from modelwright.tables.sources.fetching import fetch

        files = fetch(engine.folder, base, self.path, SUFFIXES, self.filesystem.access())
        dialect = self._dialect([file.name for file in files])
        rules = TextRules(tuple(self.null_words), self.strip, self.decimal)
        return open_csv(engine, [(file.path, file.shown) for file in files], dialect, rules, multiline=self.multiline)

    def _dialect(self, names: Sequence[str]) -> Dialect:
        """As the files' names have it where the spec says nothing: rides.tsv has tabs."""
        header = self.names is None if self.header_line is None else self.header_line
        quote = "" if self.quote == "none" else self.quote
        tabbed = [suffix_of(Path(name)) in TABBED for name in names]
        if self.delimiter is None and any(tabbed) and not all(tabbed):
            raise DataError(
                f"{names[tabbed.index(True)]} and {names[tabbed.index(False)]} have different delimiters by name",
                hint="give the delimiter: they all have, or read *.csv and *.tsv apart",
            )
        delimiter = self.delimiter or ("\t" if all(tabbed) else ",")
        return Dialect(delimiter, quote, self.encoding, header, tuple(self.names or ()))


PART = Csv
