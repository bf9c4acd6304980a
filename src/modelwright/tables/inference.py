"""Decides the type of one column from all of its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelwright.core.columns import ColumnType
from modelwright.core.errors import DataError
from modelwright.tables import parsing
from modelwright.tables.engine import Engine, quote

BOOLEANS = "('true', 'false', 'True', 'False', 'TRUE', 'FALSE')"
MOSTLY = 0.9  # a column this numeric was probably meant to be
NATURAL: tuple[tuple[str, ColumnType], ...] = (
    (r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER", "integer"),
    (r"FLOAT|DOUBLE|DECIMAL.*", "number"),
    (r"BOOLEAN", "boolean"),
    (r"DATE|TIMESTAMP.*", "timestamp"),
    (r"VARCHAR|UUID|ENUM.*", "text"),
)


@dataclass(frozen=True)
class Evidence:
    """Counts over a column of text; whole numbers are those written without point or exponent."""

    present: int
    numbers: int
    whole: int
    booleans: int
    timestamps: int
    largest: float  # of the whole numbers
    zero_padded: int
    shortest: int
    longest: int


def natural_type(sql_type: str) -> ColumnType | None:
    """What a typed source means; None for lists, structs and other things that are not a column's value."""
    return next((kind for pattern, kind in NATURAL if re.fullmatch(pattern, sql_type)), None)


def gather(engine: Engine, table: str, column: str, decimal: str, formats: Sequence[str]) -> Evidence:
    texts = f"SELECT {quote(column)} AS t FROM {quote(table)}"
    numbers = f"SELECT t, {parsing.number('t', decimal)} AS v FROM ({texts})"
    fraction = " OR ".join(f"contains(t, '{sign}')" for sign in (decimal, "e", "E"))
    judged = f"SELECT t, v, v IS NOT NULL AND NOT ({fraction}) AS w FROM ({numbers})"
    row = engine.rows(
        f"SELECT count(t), count(v), count(*) FILTER (w), count(*) FILTER (t IN {BOOLEANS}), "
        f"count({parsing.timestamp('t', formats, None)}), coalesce(max(abs(v)) FILTER (w), 0), "
        f"count(*) FILTER (w AND t LIKE '0_%'), coalesce(min(length(t)) FILTER (w), 0), "
        f"coalesce(max(length(t)) FILTER (w), 0) FROM ({judged})"
    )[0]
    return Evidence(*row)


def decide(
    column: str, found: Evidence, allowed: int, *, strict: bool, examples: Callable[[ColumnType], str]
) -> ColumnType:
    """The type that all values have, but for at most `allowed` that become rejects.

    `strict`: not even those (ids and columns that nobody reads). DataError when nearly all values are numbers or
    timestamps but too many are not: reading them as text would go unnoticed, so the spec has to say what is meant.
    """
    if found.present == 0:
        return "text"
    if found.booleans == found.present:
        return "boolean"
    for kind, count in (("integer", found.numbers), ("timestamp", found.timestamps)):
        bad = found.present - count
        if bad == 0 or (not strict and bad <= allowed and count >= MOSTLY * found.present):
            return "timestamp" if kind == "timestamp" else _number_type(found)
        if not strict and count >= MOSTLY * found.present and count:
            what: ColumnType = "number" if kind == "integer" else "timestamp"
            raise DataError(
                f'column "{column}": {count:,} values are {what}s, {bad:,} are not:\n{examples(what)}',
                hint=f"add them to null_words, or say columns: {{{column}: {{type: text}}}}",
            )
    return "text"


def _number_type(found: Evidence) -> ColumnType:
    """Zero-padded numbers of one length are codes; whole numbers beyond 2^53 are ids: both stay text."""
    codes = found.zero_padded > 0 and found.shortest == found.longest
    if found.whole and (codes or found.largest > parsing.LARGEST_INTEGER):
        return "text"
    return "integer" if found.whole == found.numbers else "number"
