"""Joins and aggregates several sources by one SELECT, before anything is cleaned."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from modelwright.core.names import did_you_mean
from modelwright.parts.base import Reader
from modelwright.parts.naming import FromRoom

if TYPE_CHECKING:
    from typing import Self

    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading
    from modelwright.tables.typing import Declared

    Source = Reader
else:
    Source = Annotated[Reader, FromRoom("readers", without=("query",))]

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class SourceColumn(BaseModel):
    """What to know of a source's column before the query sees it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["number", "integer", "boolean", "text", "timestamp"] | None = Field(
        None, description="Its type; inferred from all rows where absent."
    )
    timezone: str | None = Field(None, description="Zone of timestamps that name none, e.g. Europe/Kyiv.")
    format: str | list[str] | None = Field(None, description="Date format(s) in strptime's letters, tried in order.")
    role: Literal["input", "ignore"] = Field("input", description="ignore hides the column from the query.")

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        from zoneinfo import available_timezones

        if name is not None and name not in available_timezones():
            raise ValueError(f'"{name}" is no time zone{did_you_mean(name, available_timezones())}')
        return name

    def declared(self) -> Declared:
        from modelwright.tables.typing import Declared

        formats = (self.format,) if isinstance(self.format, str) else tuple(self.format or ())
        return Declared(self.type, self.role, self.timezone, formats)


class Query(Reader):
    """Several sources, each a table of its name, joined and aggregated by one SELECT in DuckDB's SQL.

    For what belongs to a row but lies elsewhere: the weather at the time of a request, a customer's totals. To look up
    what was known at a time, `ASOF LEFT JOIN … ON rides.requested_at >= weather.observed_at` takes the last row before
    it, so that nothing of the future gets in. Each source is read and typed first (its bad rows go to
    `rejects.parquet` with file and line); its times are then TIMESTAMPTZ. The query sees these tables and nothing else:
    files, settings and functions that differ from call to call (`random()`, `now()`) are refused. Rows come in the
    order of its `ORDER BY`, or else sorted by all columns, so that the same data always gives the same tables.
    """

    kind: Literal["query"] = "query"
    sources: dict[str, Source] = Field(min_length=1, description="Readers by the name that the query knows them by.")
    columns: dict[str, dict[str, SourceColumn]] = Field(
        default={}, description="By source and column, what its data does not say: type, timezone, format, role."
    )
    query: str = Field(min_length=1, description="One SELECT (or WITH … SELECT) from the sources.")
    max_reject_share: float = Field(
        0.01, ge=0, le=1, description="Unreadable rows of a source beyond this share are an error."
    )

    example: ClassVar[Mapping[str, Any]] = {
        "sources": {
            "rides": {"kind": "csv", "path": "data/rides-*.csv"},
            "weather": {"kind": "parquet", "path": "data/weather.parquet"},
        },
        "query": "SELECT rides.*, weather.temp_c FROM rides "
        "ASOF LEFT JOIN weather ON rides.requested_at >= weather.observed_at",
    }

    @field_validator("sources")
    @classmethod
    def _named(cls, sources: dict[str, Reader]) -> dict[str, Reader]:
        for name in sources:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f'"{name}": a source is called by small letters, digits and underscores, a letter first'
                )
        return sources

    @model_validator(mode="after")
    def _columns_of_sources(self) -> Self:
        for name in self.columns:
            if name not in self.sources:
                raise ValueError(f'columns: there is no source "{name}"{did_you_mean(name, self.sources)}')
        return self

    def inputs(self, base: Path) -> list[Path]:
        return sorted({path for source in self.sources.values() for path in source.inputs(base)})

    def header(self, base: Path) -> list[str] | None:
        """Only running the query tells; but it is looked at here, as are the sources that are cheap to look at."""
        from modelwright.tables.sources.query_tree import check_query
        from modelwright.tables.sources.sql_text import DUCKDB, statement

        check_query(statement(self.query, DUCKDB), self.sources)
        for source in self.sources.values():
            source.header(base)
        return None

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        """What stands for the sources' data, unless nothing stands for that of one."""
        found: dict[str, str] = {}
        for name, source in self.sources.items():
            known = source.fingerprint(base)
            if known is None:
                return None
            found.update({f"{name}.{key}": value for key, value in known.items()})
        return found

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.query_rows import read_query

        readers = {name: functools.partial(source.open, base=base) for name, source in self.sources.items()}
        declared = {
            name: {column: said.declared() for column, said in columns.items()}
            for name, columns in self.columns.items()
        }
        return read_query(engine, readers, declared, self.query, self.max_reject_share)


PART = Query
