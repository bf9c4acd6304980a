"""Statistics of all the entity's rows before this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import History
from modelwright.parts.past import (
    DELAY,
    ENTITY,
    SUFFIX,
    TIME,
    Duration,
    Statistic,
    microseconds,
    owner,
    statistic_names,
    statistics_of,
)

if TYPE_CHECKING:
    from modelwright.tables.history import Past

SPAN = "so_far"


class Expanding(History):
    """Count, mean, sum, min, max or std of a column over everything before: `x_mean_so_far`.

    Only rows strictly before this one count. Choose it for slow traits of an entity: a driver's usual pace, a
    customer's mean order. Missing values are passed over. The twin in pandas is `shift().expanding()` on each entity's
    rows, where no two have the same time.
    """

    kind: Literal["expanding"] = "expanding"
    columns: list[str] = Field(min_length=1, description="Numbers; any type where only the count is wanted.")
    statistics: list[Statistic] = Field(["mean", "count"], min_length=1, description="What to compute of them.")
    entity: str | None = ENTITY
    time: str | None = TIME
    delay: Duration = DELAY
    suffix: str = SUFFIX

    example: ClassVar[dict[str, Any]] = {"columns": ["duration_min"]}

    def made(self) -> list[str]:
        return statistic_names(self.columns, self.statistics, SPAN + self.suffix)

    def past(self, columns: Sequence[Column]) -> Past:
        from modelwright.tables.history import Past

        entity, time = owner(columns, self.entity, self.time)
        values = statistics_of(columns, self.columns, self.statistics, SPAN + self.suffix)
        return Past(entity, time, values, microseconds(self.delay))


PART = Expanding
