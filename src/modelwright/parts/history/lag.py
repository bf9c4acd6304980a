"""Values of the rows before, of the same entity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import History
from modelwright.parts.past import DELAY, ENTITY, SUFFIX, TIME, WHERE, Duration, microseconds, owner
from modelwright.parts.rows import named

if TYPE_CHECKING:
    from modelwright.tables.history import Past


class Lag(History):
    """The value of a column in the entity's latest row before this one, the one before that, …: `x_lag_1`, `x_lag_2`.

    Choose it where the last values say most about the next: demand an hour ago, the last payment's delay. Rows of the
    same moment are not each other's past. `elapsed: true` adds the seconds since that row, `elapsed_lag_1`.
    Reference: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, section 7.4.
    """

    kind: Literal["lag"] = "lag"
    columns: list[str] = Field(min_length=1, description="Whose earlier values are wanted; of any type.")
    rows: list[Annotated[int, Field(ge=1, le=1000)]] = Field([1], min_length=1, description="How many rows back.")
    elapsed: bool = Field(False, description="Also the seconds since that row.")
    entity: str | None = ENTITY
    time: str | None = TIME
    delay: Duration = DELAY
    suffix: str = SUFFIX

    example: ClassVar[dict[str, Any]] = {"columns": ["duration_min"]}

    def made(self) -> list[str]:
        elapsed = [f"elapsed_lag_{back}{self.suffix}" for back in self.rows] if self.elapsed else []
        return [*(f"{name}_lag_{back}{self.suffix}" for name in self.columns for back in self.rows), *elapsed]

    def past(self, columns: Sequence[Column]) -> Past:
        from modelwright.tables.history import Past, PastValue

        entity, time = owner(columns, self.entity, self.time)
        wanted = [(column, back) for column in named(self.columns, columns, WHERE) for back in self.rows]
        names = iter(self.made())
        values = [PastValue(next(names), column.type, column.name, back=back) for column, back in wanted]
        if self.elapsed:
            values += [PastValue(next(names), "number", back=back, seconds_since=True) for back in self.rows]
        return Past(entity, time, tuple(values), microseconds(self.delay))


PART = Lag
