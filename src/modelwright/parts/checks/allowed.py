"""Values come from a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import Check
from modelwright.parts.rows import Value, constant, named, violations

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Allowed(Check):
    """Every value is one of `values`; missing values pass (see not_null). Finds typing errors and new categories."""

    kind: Literal["allowed"] = "allowed"
    columns: list[str] = Field(min_length=1, description="Columns to look at.")
    values: list[Value] = Field(min_length=1, description="All values that may occur.")

    example: ClassVar[Mapping[str, Any]] = {"columns": ["weather"], "values": ["dry", "rain", "snow"]}

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote

        chosen = named(self.columns, columns, "allowed.columns")
        tests = []
        for column in chosen:
            values = ", ".join(constant(column, value, "allowed.values") for value in self.values)
            tests.append(f"coalesce({quote(column.name)} NOT IN ({values}), false)")
        listed = ", ".join(f"{quote(column.name)} := {quote(column.name)}" for column in chosen)
        count, example = violations(engine, table, " OR ".join(tests), f"struct_pack({listed})")
        said = f"{', '.join(self.columns)}: one of {len(self.values)} values"
        found = ", ".join(f"{name} = {value}" for name, value in (example or {}).items())
        return count, f"{said} (found {found})" if count else said


PART = Allowed
