"""Gives columns another type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.core.columns import Column
from modelwright.parts.base import Cleaner
from modelwright.parts.conversion import Conversion, Failed, NewType, convert, matching
from modelwright.parts.moments import checked_zone

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Cast(Cleaner):
    """Turns a column's values into numbers, whole numbers, booleans, text or timestamps, after other cleaners ran.

    For what becomes a number only once it is clean: replace `" km"` by nothing, then cast. A type that the values have
    as they are read is better said under `prepare.columns`, where what does not fit is refused with file and line.
    """

    kind: Literal["cast"] = "cast"
    columns: list[str] = Field(min_length=1, description="Columns to cast: names or globs.")
    to: NewType = Field(description="The new type.")
    failed: Failed = Field(
        "error",
        description="A value that can't be cast: ends prepare (error), sends its row to rejects.parquet (reject), or "
        "becomes missing.",
    )
    decimal: Literal[".", ","] = Field(".", description="The decimal sign of numbers in text.")
    timezone: str | None = Field(None, description="Zone of times in text that name none; for formats see parse_dates.")

    example: ClassVar[Mapping[str, Any]] = {"columns": ["distance_km"], "to": "number"}

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        return checked_zone(name)

    def retyped(self, names: Sequence[str]) -> list[str]:
        return matching(self.columns, names)

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        conversion = Conversion(self.to, self.decimal, (), self.timezone)
        return convert(engine, table, columns, self.columns, conversion, self.failed, "cast.columns")


PART = Cast
