"""The parts of a date from epoch microseconds, in int64 arithmetic, in the local time of a zone.

Civil date from days: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days count from 0000-03-01, so
that the leap day is the last of its year).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.builder import INTEGER
from modelwright.graph.encoders import NO_TIME

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

SECOND = 1_000_000
DAY_S = 86_400
EPOCH_DAY = 719_468  # 1970-01-01, counted from 0000-03-01

PARTS: dict[str, tuple[int, int] | None] = {  # first value and how many there are, for the parts that come round again
    "year": None,
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day": (1, 31),
    "dayofyear": (1, 366),
    "weekday": (0, 7),
    "hour": (0, 24),
    "minute": (0, 60),
    "second": (0, 60),
    "days_in_month": None,
    "is_weekend": None,
    "is_month_start": None,
    "is_month_end": None,
    "is_quarter_start": None,
    "is_quarter_end": None,
    "is_year_start": None,
    "is_year_end": None,
}
DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def transitions(zone: str, first_year: int, last_year: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Instants (epoch seconds) at which the zone's offset changes, and the offsets before, between and after them."""
    place = ZoneInfo(zone)

    def offset(at: int) -> int:
        shift = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).astimezone(place).utcoffset()
        return int(shift.total_seconds()) if shift else 0

    start, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (first_year, last_year + 1))
    instants: list[int] = []
    offsets = [offset(start)]
    for day in range(start, end, DAY_S):
        low, high = day, day + DAY_S
        if offset(high) == offsets[-1]:
            continue
        while high - low > 1:  # the second at which it changes
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        instants.append(high)
        offsets.append(offset(high))
    return np.array(instants, np.int64), np.array(offsets, np.int64)


class Calendar:
    """Parts of one timestamp column; those that are asked for share the nodes they have in common."""

    def __init__(
        self, graph: GraphBuilder, micros: str, instants: NDArray[np.int64], offsets: NDArray[np.int64]
    ) -> None:
        self._graph = graph
        self._micros = micros
        self._instants = instants
        self._offsets = offsets

    def part(self, name: str) -> str:
        """[N] int64; what it is where the time is missing has no meaning (see `missing`)."""
        tensor: str = getattr(self, name)
        return tensor

    @cached_property
    def missing(self) -> str:
        return self._graph.op("Equal", self._micros, np.array([NO_TIME]))

    @cached_property
    def _seconds(self) -> str:
        """Local seconds since 0000-03-01: positive, so that integer division rounds down."""
        known = self._graph.op("Where", self.missing, np.array([0]), self._micros)
        shifted = self._graph.op("Add", known, np.array([EPOCH_DAY * DAY_S * SECOND]))
        utc = self._div(shifted, SECOND)
        return self._graph.op("Add", utc, self._offset(utc))

    def _offset(self, utc: str) -> str:
        if not len(self._instants):
            return self._graph.constant(self._offsets)
        rows = self._graph.op("Unsqueeze", utc, np.array([1]))
        passed = self._graph.op("GreaterOrEqual", rows, (self._instants + EPOCH_DAY * DAY_S)[None, :])
        count = self._graph.op("ReduceSum", self._graph.cast(passed, INTEGER), np.array([1]), keepdims=0)
        return self._graph.op("Gather", self._offsets, count)

    @cached_property
    def _days(self) -> str:
        return self._div(self._seconds, DAY_S)

    @cached_property
    def _second_of_day(self) -> str:
        return self._sub(self._seconds, self._mul(self._days, DAY_S))

    @cached_property
    def hour(self) -> str:
        return self._div(self._second_of_day, 3600)

    @cached_property
    def minute(self) -> str:
        return self._mod(self._div(self._second_of_day, 60), 60)

    @cached_property
    def second(self) -> str:
        return self._mod(self._second_of_day, 60)

    @cached_property
    def weekday(self) -> str:
        """0 is Monday."""
        return self._mod(self._add(self._days, 2), 7)

    @cached_property
    def _era(self) -> str:
        return self._div(self._days, 146_097)

    @cached_property
    def _year_of_era(self) -> str:
        day = self._sub(self._days, self._mul(self._era, 146_097))
        leaps = self._sub(self._div(day, 36_524), self._graph.op("Add", self._div(day, 1_460), self._div(day, 146_096)))
        return self._div(self._graph.op("Add", day, leaps), 365)

    @cached_property
    def _day_from_march(self) -> str:
        year = self._year_of_era
        before = self._graph.op("Add", self._mul(year, 365), self._sub(self._div(year, 4), self._div(year, 100)))
        return self._sub(self._days, self._graph.op("Add", self._mul(self._era, 146_097), before))

    @cached_property
    def _month_from_march(self) -> str:
        return self._div(self._add(self._mul(self._day_from_march, 5), 2), 153)

    @cached_property
    def day(self) -> str:
        before = self._div(self._add(self._mul(self._month_from_march, 153), 2), 5)
        return self._add(self._sub(self._day_from_march, before), 1)

    @cached_property
    def month(self) -> str:
        return self._add(self._mod(self._add(self._month_from_march, 2), 12), 1)

    @cached_property
    def quarter(self) -> str:
        return self._add(self._div(self._add(self.month, -1), 3), 1)

    @cached_property
    def year(self) -> str:
        return self._graph.op(
            "Add", self._graph.op("Add", self._year_of_era, self._mul(self._era, 400)), self._new_year
        )

    @cached_property
    def _new_year(self) -> str:
        """1 in January and February, which end the year that began in March."""
        return self._div(self._month_from_march, 10)

    @cached_property
    def dayofyear(self) -> str:
        from_january = self._graph.op("Add", self._add(self._day_from_march, 60), self._is_leap)
        after_new_year = self._graph.op("Equal", self._new_year, np.array([1]))
        return self._graph.op("Where", after_new_year, self._add(self._day_from_march, -305), from_january)

    @cached_property
    def _is_leap(self) -> str:
        return self._leaps_in(self.year)

    @cached_property
    def week(self) -> str:
        """Of ISO 8601: that of the year in which the week's Thursday is."""
        thursday = self._sub(self._add(self.dayofyear, 3), self.weekday)
        length = self._add(self._is_leap, 365)
        before = self._add(self._leaps_in(self._add(self.year, -1)), 365)
        early = self._graph.op("Less", thursday, np.array([1]))
        late = self._graph.op("Greater", thursday, length)
        within = self._graph.op("Where", late, self._sub(thursday, length), thursday)
        counted = self._graph.op("Where", early, self._graph.op("Add", thursday, before), within)
        return self._add(self._div(self._add(counted, -1), 7), 1)

    @cached_property
    def days_in_month(self) -> str:
        leap_day = self._graph.op("Mul", self._is_leap, self._is(self.month, 2))
        return self._graph.op("Add", self._graph.op("Gather", DAYS_IN_MONTH, self.month), leap_day)

    @cached_property
    def is_weekend(self) -> str:
        return self._div(self.weekday, 5)

    @cached_property
    def is_month_start(self) -> str:
        return self._is(self.day, 1)

    @cached_property
    def is_month_end(self) -> str:
        return self._graph.cast(self._graph.op("Equal", self.day, self.days_in_month), INTEGER)

    @cached_property
    def is_quarter_start(self) -> str:
        return self._graph.op("Mul", self.is_month_start, self._is(self._mod(self.month, 3), 1))

    @cached_property
    def is_quarter_end(self) -> str:
        return self._graph.op("Mul", self.is_month_end, self._is(self._mod(self.month, 3), 0))

    @cached_property
    def is_year_start(self) -> str:
        return self._is(self.dayofyear, 1)

    @cached_property
    def is_year_end(self) -> str:
        return self._graph.op("Mul", self.is_month_end, self._is(self.month, 12))

    def _leaps_in(self, year: str) -> str:
        return self._sub(self._leaps_until(year), self._leaps_until(self._add(year, -1)))

    def _is(self, tensor: str, what: int) -> str:
        return self._graph.cast(self._graph.op("Equal", tensor, np.array([what])), INTEGER)

    def _leaps_until(self, year: str) -> str:
        return self._graph.op("Add", self._sub(self._div(year, 4), self._div(year, 100)), self._div(year, 400))

    def _div(self, tensor: str, by: int) -> str:
        return self._graph.op("Div", tensor, np.array([by]))

    def _mul(self, tensor: str, by: int) -> str:
        return self._graph.op("Mul", tensor, np.array([by]))

    def _add(self, tensor: str, what: int) -> str:
        return self._graph.op("Add", tensor, np.array([what]))

    def _sub(self, tensor: str, other: str) -> str:
        return self._graph.op("Sub", tensor, other)

    def _mod(self, tensor: str, by: int) -> str:
        return self._graph.op("Mod", tensor, np.array([by]))
