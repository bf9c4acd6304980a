"""Splits by time: what was learnt from the past has to hold for the future."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.core.units import parse_duration_s
from modelwright.parts.base import Split
from modelwright.parts.rows import named, of_types

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Time(Split):
    """The latest rows are test, those before them validation; rows of the same moment stay together.

    Choose it whenever the model will predict the future: a random split would let it peek. With `gap`, rows that come
    less than that before validation or test are taken out of the side before: choose it where a row's target is known
    only later, or spans a stretch of time that would reach into the next side.
    """

    kind: Literal["time"] = "time"
    column: str | None = Field(None, description="A timestamp, or a number such as a year; default: that of role time.")
    validation: float = Field(0.15, ge=0, lt=1, description="Share of rows that choose among models.")
    test: float = Field(0.15, ge=0, lt=1, description="Share of rows that only evaluate sees.")
    gap: str | Annotated[float, Field(gt=0)] | None = Field(
        None, description="Stretch left out between the sides, such as 7d; a number where the column holds numbers."
    )

    @field_validator("gap")
    @classmethod
    def _is_a_duration(cls, gap: str | float | None) -> str | float | None:
        if isinstance(gap, str) and parse_duration_s(gap) == 0:
            raise ValueError("must be more than nothing")
        return gap

    @model_validator(mode="after")
    def _some_left(self) -> Time:
        if self.validation + self.test >= 1:
            raise ValueError("`validation` and `test` leave nothing to learn from")
        return self

    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        from modelwright.tables.engine import quote
        from modelwright.tables.splitting import assign

        column = self._column(columns)
        moment, gap = quote(column.name), self._gap(column)
        counted = f"SELECT count(*), count(*) - count({moment}), min({moment}), max({moment}) FROM {quote(table)}"
        rows, unknown, first, last = engine.rows(counted)[0]
        if unknown:
            raise DataError(
                f'{unknown:,} rows have no "{column.name}", so no place in time',
                hint=f"drop_rows where: isnull(`{column.name}`)",
            )
        if rows > 1 and first == last and (self.test or self.validation):
            raise DataError(
                f'"{column.name}" is {first} in all {rows:,} rows, so none are later than others',
                where="prepare.split",
                hint="name another column, or use {kind: random}",
            )
        test = self._start(engine, table, moment, rows, self.test)
        validation = self._start(engine, table, moment, rows, self.test + self.validation)
        sides = [f"WHEN {moment} >= {test} THEN 'test'"] if self.test else []
        if gap and self.test:
            sides.append(f"WHEN {moment} > {test} - {gap} THEN NULL")
        if self.validation:
            sides.append(f"WHEN {moment} >= {validation} THEN 'validation'")
        if gap and self.validation:
            sides.append(f"WHEN {moment} > {validation} - {gap} THEN NULL")
        assign(engine, table, f"CASE {' '.join(sides)} ELSE 'learn' END" if sides else "'learn'")

    def _column(self, columns: Sequence[Column]) -> Column:
        name = self.column or next((column.name for column in columns if column.role == "time"), None)
        if name is None:
            raise SpecError(
                "split by which time?", where="prepare.split", hint="name a column, or give one the role time"
            )
        chosen = named([name], columns, "split.column")
        of_types(chosen, ("timestamp", "number", "integer"), "split.column")
        return chosen[0]

    def _gap(self, column: Column) -> str | None:
        """The gap as SQL that can be taken from the column."""
        if self.gap is None:
            return None
        if column.type == "timestamp" and isinstance(self.gap, str):
            return f"INTERVAL {round(parse_duration_s(self.gap) * 1e6)} MICROSECONDS"
        if column.type != "timestamp" and not isinstance(self.gap, str):
            return f"{self.gap!r}::DOUBLE"
        wanted = "a duration such as 7d" if column.type == "timestamp" else "a number"
        raise SpecError(f'"{column.name}" is of type {column.type}', where="split.gap", hint=f"give {wanted}")

    def _start(self, engine: Engine, table: str, moment: str, rows: int, share: float) -> str:
        """SQL for the moment at which the last `share` of the rows begins."""
        from modelwright.tables.engine import quote

        position = min(rows - round(rows * share), rows - 1)
        return f"(SELECT {moment} FROM {quote(table)} ORDER BY {moment} LIMIT 1 OFFSET {position})"


PART = Time
