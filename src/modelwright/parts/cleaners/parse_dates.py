"""Reads dates that are written in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.core.columns import Column
from modelwright.parts.base import Cleaner
from modelwright.parts.conversion import Conversion, Failed, convert, matching
from modelwright.parts.moments import checked_zone

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class ParseDates(Cleaner):
    """Turns text into timestamps by the first of several formats that fits: `["%d.%m.%Y %H:%M", "iso"]`.

    For dates that other cleaners have to mend first; where a format is all that is needed, `prepare.columns` has
    `format`, which refuses what does not fit with file and line. A column with mixed formats may need
    `columns: {at: {type: text}}` to get this far. 03/04 fits the day first and the month first: the first format wins.
    """

    kind: Literal["parse_dates"] = "parse_dates"
    columns: list[str] = Field(min_length=1, description="Columns of text: names or globs.")
    formats: list[str] = Field(
        ["iso"], min_length=1, description="Formats in strptime's letters, tried in order; `iso` is ISO 8601."
    )
    timezone: str | None = Field(None, description="Zone of times that name none, e.g. Europe/Kyiv.")
    failed: Failed = Field(
        "error",
        description="A value in no known format: ends prepare (error), sends its row to rejects.parquet (reject), or "
        "becomes missing.",
    )

    example: ClassVar[Mapping[str, Any]] = {"columns": ["requested_at"]}

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        return checked_zone(name)

    def retyped(self, names: Sequence[str]) -> list[str]:
        return matching(self.columns, names)

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        conversion = Conversion("timestamp", formats=tuple(self.formats), timezone=self.timezone)
        return convert(engine, table, columns, self.columns, conversion, self.failed, "parse_dates.columns")


PART = ParseDates
