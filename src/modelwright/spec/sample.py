"""Looks at the first values of each column, to guess what a first spec should say of it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SAMPLE_ROWS = 10_000
UNUSUAL_MISSING = frozenset({"?"})  # means missing where it is found, but the csv reader must be told
# The same in columns that are numbers otherwise: in a column of words they may be words.
MISSING_NUMBERS = frozenset(
    {"-", "--", ".", "..", "...", "n/a", "na", "n.a.", "none", "nil", "missing", "unknown", "#N/A", "-nan", "NULL"}
)
MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})  # as the csv reader has it
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
NAMED_LIKE_AN_ID = re.compile(r"(^|[_\s-])(id|uuid|guid|key)$|[a-z](Id|ID)$|^(index|rownames?)$", re.IGNORECASE)
DATES = ("%Y-%m", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")  # beside ISO 8601
FORMATS = tuple(date + time for date in DATES for time in ("", " %H:%M", " %H:%M:%S"))
IN_ORDER = 20  # distinct times in ascending order: more than this many are no accident
FEW = 20  # distinct values: more than this many whole numbers are a quantity, fewer are classes

Kind = Literal["number", "timestamp", "text", "empty"]


@dataclass(frozen=True)
class SampledColumn:
    """What the first rows show of one column."""

    name: str
    kind: Kind
    distinct: tuple[str, ...]  # in order of appearance, without missing
    rows: int  # without missing
    zoned: bool = True  # every timestamp says its zone
    format: str | None = None  # of timestamps that are not ISO 8601
    in_order: bool = False  # timestamps that never go back
    counts: bool = False  # whole numbers, each one more than the one before
    unusual_missing: frozenset[str] = frozenset()
    rarest: int = 0  # rows of the value that is seen least

    @property
    def constant(self) -> bool:
        return self.rows > 1 and len(self.distinct) == 1

    @property
    def identifies(self) -> bool:
        """Every value once, and not a measurement."""
        if self.rows < 10 or len(self.distinct) < self.rows or self.kind == "timestamp":
            return False
        return (
            self.counts
            or bool(NAMED_LIKE_AN_ID.search(self.name))
            or (self.kind == "text" and self.rows >= 100 and self._short)
        )

    @property
    def _short(self) -> bool:
        return max(map(len, self.distinct)) <= 40 and not any(" " in value for value in self.distinct[:100])


def sampled_columns(
    names: Sequence[str], rows: Sequence[Sequence[str]], decimal: str = "."
) -> tuple[SampledColumn, ...]:
    return tuple(
        _column(name.strip(), [row[index].strip() for row in rows if index < len(row)], decimal)
        for index, name in enumerate(names)
    )


def looks_like_names(columns: Sequence[SampledColumn]) -> bool:
    """A name that is also one of its column's few values, or a number, is rather a value."""
    return not any(
        NUMBER.fullmatch(column.name) or (len(column.distinct) <= FEW and column.name in column.distinct)
        for column in columns
    )


def has_decimal_commas(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Some column is of numbers with a comma, and none is of numbers with a point."""
    commas = False
    for index in range(len(names)):
        values = {row[index].strip() for row in rows if index < len(row)} - MISSING
        if values and all(NUMBER.fullmatch(value) or DECIMAL_COMMA.fullmatch(value) for value in values):
            commas = commas or any("," in value for value in values)
            if any("." in value for value in values):
                return False
    return commas


def _column(name: str, values: Sequence[str], decimal: str) -> SampledColumn:
    if decimal == ",":
        values = [value.replace(",", ".") if DECIMAL_COMMA.fullmatch(value) else value for value in values]
    unusual = UNUSUAL_MISSING & set(values)
    odd = set(values) & MISSING_NUMBERS - MISSING
    if odd and all(NUMBER.fullmatch(value) for value in set(values) - MISSING - unusual - odd):
        unusual |= odd
    present = [value for value in values if value not in MISSING | unusual]
    distinct = tuple(dict.fromkeys(present))
    if not present:
        return SampledColumn(name, "empty", (), 0, unusual_missing=unusual)
    if all(NUMBER.fullmatch(value) for value in distinct):
        return SampledColumn(name, "number", distinct, len(present), counts=_counts(present), unusual_missing=unusual)
    for form in (None, *FORMATS):
        times = _times(distinct, form)
        if times is not None:
            zoned = all(time.tzinfo for time in times)
            in_order = len(distinct) > IN_ORDER and _in_order(present, dict(zip(distinct, times, strict=True)))
            return SampledColumn(
                name, "timestamp", distinct, len(present), zoned, form, in_order, unusual_missing=unusual
            )
    rarest = min(Counter(present).values())
    return SampledColumn(name, "text", distinct, len(present), unusual_missing=unusual, rarest=rarest)


def _times(values: Sequence[str], form: str | None) -> list[datetime] | None:
    try:
        return [
            datetime.fromisoformat(value) if form is None else datetime.strptime(value, form)  # as found
            for value in values
        ]
    except ValueError:
        return None


def _in_order(values: Sequence[str], moment: Mapping[str, datetime]) -> bool:
    try:
        return all(moment[before] <= moment[after] for before, after in itertools.pairwise(values))
    except TypeError:  # some with a zone, some without
        return False


def _counts(values: Sequence[str]) -> bool:
    if not all(value.isdecimal() for value in values):
        return False
    return all(int(after) == int(before) + 1 for before, after in itertools.pairwise(values))
