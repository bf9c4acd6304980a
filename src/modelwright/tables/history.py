"""Values of the past in SQL: for all rows at once while data is prepared, and as of one request while serving.

Both say the same: of the rows of one entity, those whose time is earlier by at least the delay, and no earlier than the
window allows. A row is never its own past, nor is one of the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from modelwright.core.columns import ROW_DIGEST, ColumnType
from modelwright.tables.engine import Engine, quote

Statistic = Literal["count", "mean", "sum", "min", "max", "std"]
AGGREGATES = {"count": "count", "mean": "avg", "sum": "sum", "min": "min", "max": "max", "std": "stddev_samp"}
MICROSECOND = "INTERVAL 1 MICROSECOND"


@dataclass(frozen=True)
class PastValue:
    """One new column: a statistic of `column` over the past, its value `back` rows ago, or the seconds since then.

    `seconds_since` counts from the time of the row `back` rows ago, and needs no column.
    """

    name: str
    type: ColumnType
    column: str | None = None
    statistic: Statistic | None = None
    back: int = 1
    seconds_since: bool = False


@dataclass(frozen=True)
class Past:
    """Whose past (None: that of all rows), by which time, how late values are known and how far back they count."""

    entity: str | None
    time: str
    values: tuple[PastValue, ...]
    delay_us: int = 0
    window_us: int | None = None

    @property
    def until(self) -> str:
        """How long before its own time a row's past ends."""
        return f"INTERVAL {max(self.delay_us, 1)} MICROSECOND"


def add_past(engine: Engine, table: str, past: Past) -> None:
    """Add the columns to `table`, keeping its order. Rows without an entity or a time have no past.

    Frames are counted in rows, in one fixed order, so that sums of floats come out the same with any number of threads.
    """
    entity = f"PARTITION BY {quote(past.entity)} " if past.entity else ""
    order, known = f"ORDER BY {quote(past.time)} NULLS LAST", ""
    for name, before in _bounds(past):
        frame = f"{entity}{order} RANGE BETWEEN UNBOUNDED PRECEDING AND {before} PRECEDING"
        known += f", count(*) OVER ({frame}) AS {name}"
    ranked = (
        f"SELECT rowid AS __position__, *, "
        f"row_number() OVER ({entity}{order}, {quote(ROW_DIGEST)}, rowid) AS __rank__{known} FROM {quote(table)}"
    )
    exists = f"{quote(past.time)} IS NOT NULL" + (f" AND {quote(past.entity)} IS NOT NULL" if past.entity else "")
    made = ", ".join(
        f"CASE WHEN {exists} THEN {_windowed(past, value, entity)} END AS {quote(value.name)}" for value in past.values
    )
    helpers = ", ".join(["__position__", "__rank__", *(name for name, _ in _bounds(past))])
    # The outer ORDER BY may name what its own SELECT leaves out only from a query around it.
    computed = f"SELECT *, {made} FROM ({ranked})"
    engine.replace(table, f"SELECT * EXCLUDE ({helpers}) FROM ({computed}) ORDER BY __position__")


def as_of_query(pasts: Sequence[Past]) -> str:
    """The same as portable SQL: for each row of `requests`, from the rows of `history` known at its time."""
    made = [f"  {_as_of(past, value)} AS {quote(value.name)}" for past in pasts for value in past.values]
    return ",\n".join(["SELECT\n  r.*", *made]) + "\nFROM requests AS r\n"


def _bounds(past: Past) -> list[tuple[str, str]]:
    """Counts of rows that are known, and of those that are too old, each with how far before now they end."""
    bounds = [("__known__", past.until)]
    if past.window_us is not None:
        bounds.append(("__gone__", f"INTERVAL {past.window_us + 1} MICROSECOND"))
    return bounds


def _windowed(past: Past, value: PastValue, entity: str) -> str:
    last = "greatest(__rank__ - __known__, 0)"  # less than 0 only for rows without a time, whose past is not used
    if value.statistic is not None:
        gone = "__gone__" if past.window_us is not None else "0"
        frame = (
            f"{entity}ORDER BY __rank__ ROWS BETWEEN greatest(__rank__ - 1 - {gone}, 0) PRECEDING AND {last} PRECEDING"
        )
        return f"{_aggregate(value, quote(value.column or ''))} OVER ({frame})"
    # A row that is too old is as good as none.
    fresh = f"{value.back} <= __known__" + (" - __gone__" if past.window_us is not None else "")
    back = f"{last} + {value.back - 1}"
    frame = f"{entity}ORDER BY __rank__ ROWS BETWEEN {back} PRECEDING AND {back} PRECEDING"
    wanted = quote(past.time if value.seconds_since else value.column or "")
    found = f"CASE WHEN {fresh} THEN first({wanted}) OVER ({frame}) END"
    return _seconds(quote(past.time), found) if value.seconds_since else found


def _as_of(past: Past, value: PastValue) -> str:
    now = f"r.{quote(past.time)}"
    where = [f"h.{quote(past.time)} <= {now} - INTERVAL '{max(past.delay_us, 1)} microseconds'"]
    if past.entity:
        where.insert(0, f"h.{quote(past.entity)} = r.{quote(past.entity)}")
    if past.window_us is not None:
        where.append(f"h.{quote(past.time)} >= {now} - INTERVAL '{past.window_us} microseconds'")
    rows = f"FROM history AS h WHERE {' AND '.join(where)}"
    if value.statistic is not None:
        return f"(SELECT {_aggregate(value, 'h.' + quote(value.column or ''))} {rows})"
    latest = f"{rows} ORDER BY h.{quote(past.time)} DESC LIMIT 1 OFFSET {value.back - 1}"
    if value.seconds_since:
        return f"(SELECT extract(epoch FROM {now}) - extract(epoch FROM h.{quote(past.time)}) {latest})"
    return f"(SELECT h.{quote(value.column or '')} {latest})"


def _aggregate(value: PastValue, column: str) -> str:
    number = column if value.statistic == "count" else f"CAST({column} AS DOUBLE PRECISION)"
    return f"{AGGREGATES[value.statistic or 'count']}({number})"


def _seconds(now: str, then: str) -> str:
    return f"(epoch_us({now}) - epoch_us({then})) / 1000000.0::DOUBLE"
