"""Reads lines that list what belongs together, however many items each has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.parts.base import Reader
from modelwright.parts.text_files import Encoding, Quote
from modelwright.tables.sources.files import find_files

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

SUFFIXES = (".csv", ".txt", ".basket")
COLUMNS = ("basket", "position", "items", "item")


class Baskets(Reader):
    """Ragged lines without a header, one basket a line (`milk,bread`): the market basket's format.

    A row per item: `basket` (the number of the line in all files), `position` in it, how many `items` it has, `item`.
    Rows of a basket belong together: give `basket` the role entity, so that no split tears it.
    """

    kind: Literal["baskets"] = "baskets"
    path: str | list[str] = Field(description="Files, globs (** too) or folders of *.csv and *.txt.")
    delimiter: str = Field(",", min_length=1, max_length=1, description="Between items; one character.")
    quote: Quote = '"'
    encoding: Encoding = "utf-8"

    example: ClassVar[Mapping[str, Any]] = {"path": "data/baskets.csv"}

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab(cls, value: Any) -> Any:
        return "\t" if value == "tab" else value

    def inputs(self, base: Path) -> list[Path]:
        return find_files(base, self.path, SUFFIXES)

    def header(self, base: Path) -> list[str]:
        self.inputs(base)
        return list(COLUMNS)

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.basket_rows import read_baskets
        from modelwright.tables.sources.csv_files import Dialect
        from modelwright.tables.sources.fetching import fetch

        files = [(file.path, file.shown) for file in fetch(engine.folder, base, self.path, SUFFIXES)]
        quote = "" if self.quote == "none" else self.quote
        return read_baskets(engine, files, Dialect(self.delimiter, quote, self.encoding, header=False))


PART = Baskets
