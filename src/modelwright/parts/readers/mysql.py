"""Reads the result of a query from MySQL or MariaDB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.parts.base import Reader
from modelwright.parts.secret import Secret
from modelwright.tables.sources.sql_text import MYSQL, check_select

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading


class Mysql(Reader):
    """The rows of one SELECT, streamed from MySQL or MariaDB. Needs `pip install 'modelwright[mysql]'`.

    The session is read only, and a query that writes (`INTO OUTFILE` too), or calls functions such as `load_file`, is
    refused before it is sent. Rows are sorted by all their columns on arrival, so that the same rows always make the
    same tables: an `ORDER BY` matters only beside a `LIMIT`. A `TIMESTAMP` is in UTC, a `DATETIME` needs a `timezone`
    under `columns`; whole `DECIMAL` values beyond 2^53 become text; `TIME`, `BIT` and bytes have to be cast in the
    query. A database may change at any time, so without `version` it is read on every run.
    """

    kind: Literal["mysql"] = "mysql"
    url: Secret = Field(
        description="mysql://user:password@host:3306/database, given as ${env:NAME}; ?ssl=true asks for TLS."
    )
    query: str = Field(min_length=1, description="One SELECT (or WITH … SELECT).")
    version: str | None = Field(
        None, min_length=1, description="Names the data's state: while it stays the same, nothing is read again."
    )
    timeout_s: float = Field(600, gt=0, le=86_400, description="The longest that the query may take.")

    example: ClassVar[Mapping[str, Any]] = {"url": "${env:DATABASE_URL}", "query": "SELECT * FROM rides"}

    @field_validator("query")
    @classmethod
    def _only_reads(cls, query: str) -> str:
        check_select(query, MYSQL)
        return query

    def inputs(self, base: Path) -> list[Path]:
        return []

    def header(self, base: Path) -> list[str] | None:
        """Only the server can tell."""
        return None

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        return None if self.version is None else {"version": self.version}

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.mysql_rows import read_mysql

        return read_mysql(engine, self.url.reveal(), self.query, self.timeout_s)


PART = Mysql
