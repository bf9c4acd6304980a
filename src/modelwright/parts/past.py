"""What the kinds of history share: whose past, by which time, known how late, and the names of statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from modelwright.core.columns import NUMERIC, Column
from modelwright.core.errors import SpecError
from modelwright.core.units import parse_duration_s
from modelwright.parts.rows import named, of_types

if TYPE_CHECKING:
    from modelwright.tables.history import PastValue

WHERE = ""  # its place in the spec is for the stage to say


def _is_duration(text: str) -> str:
    parse_duration_s(text)
    return text


Duration = Annotated[str, AfterValidator(_is_duration)]
Statistic = Literal["count", "mean", "sum", "min", "max", "std"]
ENTITY: Any = Field(None, description="Whose rows; default: the column of role entity, else all rows are one's past.")
TIME: Any = Field(None, description="The timestamp that orders rows; default: the column of role time.")
SUFFIX: Any = Field("", max_length=40, description="Added to the names, to tell two of a kind apart, e.g. _last_week.")
DELAY: Any = Field("0s", description="How long after a row's time its values are known, e.g. 2h; they count from then.")


def microseconds(duration: str) -> int:
    return round(parse_duration_s(duration) * 1_000_000)


def owner(columns: Sequence[Column], entity: str | None, time: str | None) -> tuple[str | None, str]:
    """The entity's column, if any, and that of the time. SpecError when there is no time."""
    if entity is None:
        entity = next((column.name for column in columns if column.role == "entity"), None)
    else:
        named([entity], columns, WHERE)
    time = time or next((column.name for column in columns if column.role == "time"), None)
    if time is None:
        raise SpecError("the past by which time?", where=WHERE, hint="give time:, or a column the role time")
    of_types(named([time], columns, WHERE), ("timestamp",), WHERE)
    return entity, time


def statistic_names(columns: Sequence[str], statistics: Sequence[Statistic], end: str) -> list[str]:
    return [f"{column}_{statistic}_{end}" for column in columns for statistic in statistics]


def statistics_of(
    columns: Sequence[Column], names: Sequence[str], statistics: Sequence[Statistic], end: str
) -> tuple[PastValue, ...]:
    """One value for each of `statistic_names`. SpecError for a mean of what is no number."""
    from modelwright.tables.history import PastValue

    chosen = named(names, columns, WHERE)
    if set(statistics) != {"count"}:
        of_types(chosen, sorted(NUMERIC), WHERE)
    pairs = [(column.name, statistic) for column in chosen for statistic in statistics]
    return tuple(
        PastValue(name, "integer" if statistic == "count" else "number", column, statistic)
        for name, (column, statistic) in zip(statistic_names(names, statistics, end), pairs, strict=True)
    )
