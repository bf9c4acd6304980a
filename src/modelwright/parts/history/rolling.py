"""Statistics of the entity's rows within a span of time before this one."""

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


class Rolling(History):
    """Count, mean, sum, min, max or std of a column over the last days or hours: `x_mean_7d`.

    Only rows strictly before this one count. Choose it where the recent past matters and the distant past misleads.
    Missing values are passed over; a span without any value gives missing, and a count of 0.
    The twin in pandas is `rolling("7d", closed="left")` on each entity's rows.
    """

    kind: Literal["rolling"] = "rolling"
    columns: list[str] = Field(min_length=1, description="Numbers; any type where only the count is wanted.")
    window: Duration = Field(description="How far back rows count, e.g. 12h or 7d.")
    statistics: list[Statistic] = Field(["mean", "count"], min_length=1, description="What to compute of them.")
    entity: str | None = ENTITY
    time: str | None = TIME
    delay: Duration = DELAY
    suffix: str = SUFFIX

    example: ClassVar[dict[str, Any]] = {"columns": ["duration_min"], "window": "7d"}

    @property
    def _end(self) -> str:
        return self.window.replace(" ", "") + self.suffix

    def made(self) -> list[str]:
        return statistic_names(self.columns, self.statistics, self._end)

    def past(self, columns: Sequence[Column]) -> Past:
        from modelwright.tables.history import Past

        entity, time = owner(columns, self.entity, self.time)
        values = statistics_of(columns, self.columns, self.statistics, self._end)
        return Past(entity, time, values, microseconds(self.delay), microseconds(self.window))


PART = Rolling
