"""Numbers and times lie in a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Column
from modelwright.parts.base import Check
from modelwright.parts.moments import moment_sql, read_moment
from modelwright.parts.rows import MaxShare, broken, named, of_types

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Between(Check):
    """Values are at least `min` and at most `max`; missing values pass (see not_null).

    Bounds of a timestamp are written in ISO 8601 ("2026-01-01" or "2026-01-01T06:00+02:00"); one that names no offset
    is in the column's own time zone.
    """

    kind: Literal["between"] = "between"
    columns: list[str] = Field(min_length=1, description="Columns of numbers, or of timestamps.")
    min: float | str | None = Field(None, description="Smallest value allowed: a number, or a date in quotes.")
    max: float | str | None = Field(None, description="Largest value allowed.")
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {"columns": ["distance_km"], "min": 0, "max": 300}

    @model_validator(mode="after")
    def _some_range(self) -> Between:
        low, high = (read_moment(bound) if isinstance(bound, str) else bound for bound in (self.min, self.max))
        if low is None and high is None:
            raise ValueError("give `min`, `max` or both")
        if low is not None and high is not None:
            if isinstance(low, float) is not isinstance(high, float):
                raise ValueError("`min` and `max` are a number and a date")
            if not isinstance(low, float) and not isinstance(high, float) and bool(low.tzinfo) is not bool(high.tzinfo):
                raise ValueError("`min` and `max` both name an offset from UTC, or neither")
            if low > high:  # type: ignore[operator]  # both are numbers, or both are moments
                raise ValueError("`min` is larger than `max`")
        return self

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote

        chosen = named(self.columns, columns, "between.columns")
        times = any(isinstance(bound, str) for bound in (self.min, self.max))
        of_types(chosen, ("timestamp",) if times else ("number", "integer"), "between.columns")
        tests = {}
        for column in chosen:
            bounds = [("<", self.min), (">", self.max)]
            outside = [
                f"{quote(column.name)} {sign} {_sql(bound, column)}" for sign, bound in bounds if bound is not None
            ]
            tests[column.name] = f"coalesce({' OR '.join(outside)}, false)"
        low = "" if self.min is None else f"{_shown(self.min)} <= "
        high = "" if self.max is None else f" <= {_shown(self.max)}"
        return broken(engine, table, tests, f"{low}{', '.join(self.columns)}{high}")


def _sql(bound: float | str, column: Column) -> str:
    return moment_sql(read_moment(bound), column.timezone) if isinstance(bound, str) else f"{bound!r}::DOUBLE"


def _shown(bound: float | str) -> str:
    return bound if isinstance(bound, str) else f"{bound:g}"


PART = Between
