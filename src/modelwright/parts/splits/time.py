"""Splits by time: what was learnt from the past has to hold for the future."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import Split
from modelwright.parts.rows import named, of_types

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Time(Split):
    """The latest rows are test, those before them validation; rows of the same moment stay together.

    Choose it whenever the model will predict the future: a random split would let it peek.
    """

    kind: Literal["time"] = "time"
    column: str | None = Field(None, description="A timestamp, or a number such as a year; default: that of role time.")
    validation: float = Field(0.15, ge=0, lt=1, description="Share of rows that choose among models.")
    test: float = Field(0.15, ge=0, lt=1, description="Share of rows that only evaluate sees.")

    @model_validator(mode="after")
    def _some_left(self) -> Time:
        if self.validation + self.test >= 1:
            raise ValueError("`validation` and `test` leave nothing to learn from")
        return self

    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        from modelwright.tables.engine import quote
        from modelwright.tables.splitting import assign

        name = self.column or next((column.name for column in columns if column.role == "time"), None)
        if name is None:
            raise SpecError(
                "split by which time?", where="prepare.split", hint="name a column, or give one the role time"
            )
        of_types(named([name], columns, "split.column"), ("timestamp", "number", "integer"), "split.column")
        moment = quote(name)
        rows, unknown = engine.rows(f"SELECT count(*), count(*) - count({moment}) FROM {quote(table)}")[0]
        if unknown:
            raise DataError(
                f'{unknown:,} rows have no "{name}", so no place in time', hint=f"drop_rows where: isnull(`{name}`)"
            )
        starts = []
        for share in (self.test, self.test + self.validation):
            position = min(rows - round(rows * share), rows)
            ordered = f"SELECT {moment} FROM {quote(table)} ORDER BY {moment} LIMIT 1 OFFSET {position}"
            starts.append(f"({ordered})")
        test, validation = (f"coalesce({moment} >= {start}, false)" for start in starts)
        assign(engine, table, f"CASE WHEN {test} THEN 'test' WHEN {validation} THEN 'validation' ELSE 'learn' END")


PART = Time
