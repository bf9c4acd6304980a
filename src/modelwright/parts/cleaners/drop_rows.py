"""Removes the rows that meet a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.core.expressions import ExpressionError, checked_condition, names, parse
from modelwright.parts.base import Cleaner
from modelwright.parts.rows import column_types, delete, unknown_columns

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class DropRows(Cleaner):
    """Drops rows by an expression such as `distance_km <= 0 or duration_min > 600`.

    A comparison with a missing value is false, so rows where it is missing stay; drop those with `isnull(column)`. New
    rows whose target nobody knows yet are dropped only if the condition is true whatever the target will be.
    """

    kind: Literal["drop_rows"] = "drop_rows"
    where: Annotated[str, AfterValidator(checked_condition)] = Field(
        description="Rows for which this is true are dropped."
    )

    example: ClassVar[Mapping[str, Any]] = {"where": "distance_km <= 0"}

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        from modelwright.tables.expressions import condition_sql

        try:
            unknown = unknown_columns(engine, table, names(parse(self.where)), columns)
            condition = condition_sql(self.where, column_types(columns), unknown)
        except ExpressionError as error:
            problem = error.problems[0]
            raise SpecError(problem.message, where=f"drop_rows.where: {self.where}", hint=problem.hint) from error
        delete(engine, table, condition)
        return list(columns)


PART = DropRows
