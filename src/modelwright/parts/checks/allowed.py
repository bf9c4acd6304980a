"""Values come from a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import Check
from modelwright.parts.rows import MaxShare, Value, broken, constant, named

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


MOST_SHOWN = 6  # values, in what a report says


class Allowed(Check):
    """Every value is one of `values`; missing values pass (see not_null). Finds typing errors and new categories.

    Where the values are those of earlier data, `prepare.contract` keeps them for all columns.
    """

    kind: Literal["allowed"] = "allowed"
    columns: list[str] = Field(min_length=1, description="Columns to look at.")
    values: list[Value] = Field(min_length=1, description="All values that may occur.")
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {"columns": ["weather"], "values": ["dry", "rain", "snow"]}

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote

        tests = {}
        for column in named(self.columns, columns, "allowed.columns"):
            values = ", ".join(constant(column, value, "allowed.values") for value in self.values)
            tests[column.name] = f"coalesce({quote(column.name)} NOT IN ({values}), false)"
        few = len(self.values) <= MOST_SHOWN
        wanted = f"one of {', '.join(map(str, self.values))}" if few else f"one of {len(self.values)} values"
        return broken(engine, table, tests, f"{', '.join(self.columns)}: {wanted}")


PART = Allowed
