"""Reads the result of a query from PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.parts.base import Reader
from modelwright.parts.secret import Secret
from modelwright.tables.sources.sql_text import POSTGRESQL, check_select

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading


class Postgresql(Reader):
    """The rows of one SELECT, streamed from PostgreSQL with their types. Needs `pip install 'modelwright[postgresql]'`.

    The session is read only, and a query that writes, or calls functions such as `pg_read_file`, is refused before it
    is sent. Rows are sorted by all their columns on arrival, so that the same rows always make the same tables: an
    `ORDER BY` matters only beside a `LIMIT`. Whole `numeric` values beyond 2^53 become text, others numbers; `json`,
    `uuid` and enums become text; arrays, `bytea`, `interval` and `time` have to be cast in the query. A database may
    change at any time, so without `version` it is read on every run.
    """

    kind: Literal["postgresql"] = "postgresql"
    url: Secret = Field(description="postgresql://user:password@host:5432/database, given as ${env:NAME}.")
    query: str = Field(min_length=1, description="One SELECT (or WITH … SELECT).")
    version: str | None = Field(
        None, min_length=1, description="Names the data's state: while it stays the same, nothing is read again."
    )
    timeout_s: float = Field(600, gt=0, le=86_400, description="The longest that the query may take.")

    example: ClassVar[Mapping[str, Any]] = {"url": "${env:DATABASE_URL}", "query": "SELECT * FROM rides"}

    @field_validator("query")
    @classmethod
    def _only_reads(cls, query: str) -> str:
        check_select(query, POSTGRESQL)
        return query

    def inputs(self, base: Path) -> list[Path]:
        return []

    def header(self, base: Path) -> list[str] | None:
        """Only the server can tell."""
        return None

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        return None if self.version is None else {"version": self.version}

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.postgresql_rows import read_postgresql

        return read_postgresql(engine, self.url.reveal(), self.query, self.timeout_s)


PART = Postgresql
