"""Values are of a type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.parts.base import Check
from modelwright.parts.conversion import Conversion, NewType
from modelwright.parts.rows import MaxShare, broken, named

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Type(Check):
    """Every value is, or can be read as, one of `type`; missing values pass (see not_null).

    A column of text passes as `number` when all its texts are numbers, one of numbers as `integer` when all are whole.
    To change the type, say it under `prepare.columns` (rows that do not fit are then refused) or use the cleaner cast.
    """

    kind: Literal["type"] = "type"
    columns: list[str] = Field(min_length=1, description="Columns to look at.")
    type: NewType = Field(description="What the values must be.")
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {"columns": ["distance_km"], "type": "number"}

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote

        tests = {}
        for column in named(self.columns, columns, "type.columns"):
            try:
                value = Conversion(self.type).sql(column)
            except SpecError:  # no value of the one type is one of the other
                value = "NULL"
            if column.type != self.type and self.type == "text":
                value = "NULL"
            tests[column.name] = f"({quote(column.name)} IS NOT NULL AND {value} IS NULL)"
        return broken(engine, table, tests, f"{', '.join(self.columns)}: of type {self.type}")


PART = Type
