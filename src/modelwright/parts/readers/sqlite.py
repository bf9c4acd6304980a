"""Reads a table of an SQLite file, or the result of a query."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from modelwright.parts.base import Reader
from modelwright.tables.sources import sqlite_files
from modelwright.tables.sources.files import find_files, shown

if TYPE_CHECKING:
    from typing import Self

    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading


class Sqlite(Reader):
    """A table of an SQLite file, or the rows of one SELECT. The file is an input like a CSV file: unchanged, it is not
    read again.

    It is opened read only, and nothing but SELECT is allowed; functions that differ from call to call (`random()`, the
    present time) are refused. A column of numbers alone is one; text, and what is mixed with text, is looked at as in a
    CSV file: SQLite has no type for times. So give codes written in digits `type: text` under `columns`.
    """

    kind: Literal["sqlite"] = "sqlite"
    path: str = Field(description="The database file, relative to the spec.")
    table: str | None = Field(None, min_length=1, description="A table or view; this or query.")
    query: str | None = Field(None, min_length=1, description="One SELECT (or WITH … SELECT); this or table.")
    null_words: list[str] = Field([""], description="Text that means missing.")
    timeout_s: float = Field(600, gt=0, le=86_400, description="The longest that the query may take.")

    example: ClassVar[Mapping[str, Any]] = {"path": "data/rides.db", "table": "rides"}

    @field_validator("query")
    @classmethod
    def _repeatable(cls, query: str | None) -> str | None:
        if query is not None:
            sqlite_files.check_repeatable(query)
        return query

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("needs either table or query")
        return self

    def inputs(self, base: Path) -> list[Path]:
        return sqlite_files.files_of(find_files(base, self.path, ".db")[0])

    def header(self, base: Path) -> list[str]:
        path = self.inputs(base)[0]
        with sqlite_files.open_read_only(path, shown(path, base), self.timeout_s) as connection:
            asked = sqlite_files.query_of(connection, self.query, self.table)
            return sqlite_files.columns_of(connection, asked)

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.reading import TextRules
        from modelwright.tables.sources.sqlite_rows import read_sqlite

        path = self.inputs(base)[0]
        rules = TextRules(tuple(self.null_words))
        return read_sqlite(engine, path, shown(path, base), self.query, self.table, rules, self.timeout_s)


PART = Sqlite
