"""The newest row is not old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.core.columns import Column
from modelwright.core.units import parse_duration_s
from modelwright.parts.base import Check
from modelwright.parts.moments import in_utc, read_moment, shown
from modelwright.parts.rows import named, of_types

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Freshness(Check):
    """The newest time in a column is at most `max_age` old: an export that stopped weeks ago is found.

    Its age is taken from the clock whenever prepare is asked for, also when nothing has changed and the earlier run is
    answered with: what a run stores is until when it holds, never what time it was. With `as_of` the age is that at a
    fixed moment, whatever the clock says. A time in the future is newest, too; `between` keeps those out.
    """

    kind: Literal["freshness"] = "freshness"
    column: str = Field(description="Column of timestamps.")
    max_age: str = Field(description="Greatest age allowed, such as 12h or 7d.")
    as_of: str | None = Field(None, description='Measure from this moment ("2026-06-01"), not from the clock.')

    example: ClassVar[Mapping[str, Any]] = {"column": "requested_at", "max_age": "7d"}

    @field_validator("max_age")
    @classmethod
    def _is_a_duration(cls, text: str) -> str:
        parse_duration_s(text)
        return text

    @field_validator("as_of")
    @classmethod
    def _is_a_moment(cls, text: str | None) -> str | None:
        if text is not None:
            read_moment(text)
        return text

    def holds_until(self, engine: Engine, table: str, columns: Sequence[Column]) -> datetime | None:
        newest = self._newest(engine, table, columns)
        return None if self.as_of is not None or newest is None else self._limit(newest)

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        """1 where it is too old at `as_of`, or there is no time at all; the clock is asked by who asks for the run."""
        newest = self._newest(engine, table, columns)
        said = f"{self.column}: at most {self.max_age} old"
        if newest is None:
            return 1, f"{said} (found no time at all)"
        said = f"{said} (newest: {shown(newest)})"
        if self.as_of is None:
            return 0, said
        moment = in_utc(read_moment(self.as_of), named([self.column], columns, "freshness.column")[0].timezone)
        return int(moment > self._limit(newest)), f"{said} as of {shown(moment)}"

    def _newest(self, engine: Engine, table: str, columns: Sequence[Column]) -> datetime | None:
        from modelwright.tables.engine import quote

        chosen = named([self.column], columns, "freshness.column")
        of_types(chosen, ("timestamp",), "freshness.column")
        newest: datetime | None = engine.value(f"SELECT max({quote(self.column)}) FROM {quote(table)}")
        return None if newest is None else in_utc(newest)

    def _limit(self, newest: datetime) -> datetime:
        return newest + timedelta(seconds=parse_duration_s(self.max_age))


PART = Freshness
