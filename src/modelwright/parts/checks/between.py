"""Numbers lie in a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Column
from modelwright.parts.base import Check
from modelwright.parts.rows import named, of_types, violations

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Between(Check):
    """Values are at least `min` and at most `max`; missing values pass (see not_null)."""

    kind: Literal["between"] = "between"
    columns: list[str] = Field(min_length=1, description="Columns of numbers.")
    min: float | None = Field(None, description="Smallest value allowed.")
    max: float | None = Field(None, description="Largest value allowed.")

    example: ClassVar[Mapping[str, Any]] = {"columns": ["distance_km"], "min": 0, "max": 300}

    @model_validator(mode="after")
    def _some_range(self) -> Between:
        if self.min is None and self.max is None:
            raise ValueError("give `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("`min` is larger than `max`")
        return self

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote

        chosen = named(self.columns, columns, "between.columns")
        of_types(chosen, ("number", "integer"), "between.columns")
        bounds = [("<", self.min), (">", self.max)]
        tests = [
            f"coalesce({quote(column.name)} {sign} {bound!r}::DOUBLE, false)"
            for column in chosen
            for sign, bound in bounds
            if bound is not None
        ]
        listed = ", ".join(f"{quote(column.name)} := {quote(column.name)}" for column in chosen)
        count, example = violations(engine, table, " OR ".join(tests), f"struct_pack({listed})")
        low = "" if self.min is None else f"{self.min:g} <= "
        high = "" if self.max is None else f" <= {self.max:g}"
        said = f"{low}{', '.join(self.columns)}{high}"
        found = ", ".join(f"{name} = {value}" for name, value in (example or {}).items())
        return count, f"{said} (found {found})" if count else said


PART = Between
