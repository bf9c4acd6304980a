"""Reads delimited text files."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.parts.base import Reader
from modelwright.tables.csv_files import Dialect, read_header
from modelwright.tables.files import find_files, shown

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

NULL_WORDS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
SAMPLE_BYTES = 262_144  # enough lines for their average length
TAB = {"tab": "\t", "\\t": "\t"}


class Csv(Reader):
    """Delimited text: one or more files with the same columns, whatever their order.

    Every line is accounted for: rows with too many or too few values go to `rejects.parquet` with file and line; a
    stray quote that swallows rows, and bytes in another encoding, are errors. Types come from all rows, not a sample.
    """

    kind: Literal["csv"] = "csv"
    path: str | list[str] = Field(description="Files, globs (** too) or folders of *.csv, relative to the spec.")
    delimiter: str = Field(",", min_length=1, max_length=1, description="One character; tab may be written as tab.")
    quote: str = Field('"', description="The quote character; none where quotes are ordinary characters.")
    encoding: str = Field("utf-8", description="For example cp1251; bytes that do not fit are an error.")
    header_line: bool | None = Field(
        None, description="Whether a line names the columns; default: unless names are given."
    )
    names: list[str] | None = Field(None, min_length=1, description="Column names, for files without a header line.")
    null_words: list[str] = Field(NULL_WORDS, description="Values that mean missing, compared after stripping.")
    strip: bool = Field(True, description="Remove blanks around values.")
    decimal: Literal[".", ","] = Field(".", description="The decimal sign of numbers.")
    multiline: bool = Field(False, description="Accept quoted values whose lines look like rows of the file.")

    example: ClassVar[dict[str, Any]] = {"path": "data/rides-*.csv"}

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab(cls, value: Any) -> Any:
        return TAB.get(value, value) if isinstance(value, str) else value

    @field_validator("quote")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if value != "none" and len(value) != 1:
            raise ValueError("must be one character, or none")
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is no encoding that Python knows") from None

    @property
    def dialect(self) -> Dialect:
        header = self.names is None if self.header_line is None else self.header_line
        quote = "" if self.quote == "none" else self.quote
        return Dialect(self.delimiter, quote, self.encoding, header, tuple(self.names or ()))

    def inputs(self, base: Path) -> list[Path]:
        return find_files(base, self.path, ".csv")

    def header(self, base: Path) -> list[str]:
        first = self.inputs(base)[0]
        return list(read_header(first, self.dialect, shown(first, base)).names)

    def estimated_rows(self, base: Path) -> int:
        files = self.inputs(base)
        with files[0].open("rb") as file:
            start = file.read(SAMPLE_BYTES)
        lines = max(start.count(b"\n"), 1)
        return max(round(sum(path.stat().st_size for path in files) * lines / max(len(start), 1)) - len(files), 0)

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.csv_rows import read_csv
        from modelwright.tables.reading import TextRules

        files = [(path, shown(path, base)) for path in self.inputs(base)]
        rules = TextRules(tuple(self.null_words), self.strip, self.decimal)
        return read_csv(engine, files, self.dialect, rules, multiline=self.multiline)


PART = Csv
