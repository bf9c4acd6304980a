"""Decides the types of columns of text from all of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelwright.core.columns import ColumnType
from modelwright.core.errors import DataError
from modelwright.tables import parsing
from modelwright.tables.engine import Engine, quote
from modelwright.tables.reading import TextRules

BOOLEANS = "('true', 'false', 'True', 'False', 'TRUE', 'FALSE')"
MOSTLY = 0.9  # a column this numeric was probably meant to be
AFTER_NUMBERS = "':'"  # follows 9, so whatever begins with a sign, a point, a blank or a digit comes before it
FIRST_PART = 4  # of the rows, that are looked at first
TOGETHER = 50  # columns in one query
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


def gather(engine: Engine, relation: str, columns: Sequence[str], rules: TextRules) -> dict[str, Evidence]:
    """What the texts of columns say, by column name.

    Values are counted one below the other: planning a query of many columns takes longer than counting them.
    """
    if not columns:
        return {}
    decimal, written = rules.decimal, ", ".join(f"{quote(name)}::VARCHAR" for name in columns)
    one = f"SELECT generate_subscripts(l, 1) AS c, unnest(l) AS t FROM (SELECT [{written}] AS l FROM {relation})"
    bare = f"SELECT c, {parsing.bare('t', rules.blanks) if rules.strip else 't'} AS t FROM ({one})"
    one = f"SELECT c, {parsing.without_null_words('t', rules.null_words)} AS t FROM ({bare})"
    number = f"CASE WHEN t < {AFTER_NUMBERS} THEN {parsing.number('t', decimal)} END"
    whole = f"v IS NOT NULL AND NOT {parsing.fraction('t', decimal)}"
    judged = f"SELECT *, {whole} AS w FROM (SELECT *, {number} AS v FROM ({one}))"
    rows = engine.rows(
        f"SELECT c, count(t), count(v), count(*) FILTER (w), count(*) FILTER (t IN {BOOLEANS}), "
        f"count({parsing.timestamp('t', (), None)}), coalesce(max(abs(v)) FILTER (w), 0), "
        f"count(*) FILTER (w AND t LIKE '0_%'), coalesce(min(length(t)) FILTER (w), 0), "
        f"coalesce(max(length(t)) FILTER (w), 0) FROM ({judged}) GROUP BY c ORDER BY c"
    )
    return {name: Evidence(*row[1:]) for name, row in zip(columns, rows, strict=True)}


def guess(found: Evidence) -> ColumnType:
    """What the type of all values probably is, from the first of them."""
    if found.present and found.booleans == found.present:
        return "boolean"
    if found.numbers and found.numbers >= MOSTLY * found.present:
        return _number_type(found)
    return "timestamp" if found.timestamps and found.timestamps >= MOSTLY * found.present else "text"


def wordy(found: Evidence) -> bool:
    """Whether some values are neither true nor false."""
    return found.booleans < found.present


def infinite(engine: Engine, table: str, numbers: Sequence[str]) -> set[str]:
    """The columns of numbers that hold infinity or NaN, which come after all others."""
    found: set[str] = set()
    for start in range(0, len(numbers), TOGETHER):
        some = numbers[start : start + TOGETHER]
        listed = ", ".join(f"NOT isfinite(max(abs({quote(name)})))" for name in some)
        odd = engine.rows(f"SELECT {listed} FROM {table}")[0]
        found |= {name for name, is_odd in zip(some, odd, strict=True) if is_odd}
    return found


def surely_text(engine: Engine, relation: str, columns: Sequence[str]) -> set[str]:
    """Those of the columns, among whose first values are words, that `decide` would call text too.

    Numbers and timestamps begin with a character up to 9, so many values beginning with others are proof. The first
    rows mostly have enough of them, even if all others had a value that is none.
    """
    rows = int(engine.value(f"SELECT count(*) FROM {relation}"))
    sure = _mostly_words(engine, f"{relation} WHERE rowid < {rows // FIRST_PART}", columns, rows)
    return sure | _mostly_words(engine, relation, [name for name in columns if name not in sure])


def _mostly_words(engine: Engine, relation: str, columns: Sequence[str], rows: int | None = None) -> set[str]:
    """The columns with too many words for numbers; of `rows` values where the relation is but a part of them."""
    sure: set[str] = set()
    for start in range(0, len(columns), TOGETHER):
        some = columns[start : start + TOGETHER]
        listed = ", ".join(f"count({name}), count(*) FILTER ({name} >= {AFTER_NUMBERS})" for name in map(quote, some))
        counts = engine.rows(f"SELECT {listed} FROM {relation}")[0]
        for name, found, words in zip(some, counts[::2], counts[1::2], strict=True):
            present = found if rows is None else rows
            if words and present - words < MOSTLY * present:
                sure.add(name)
    return sure


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
    """Whole numbers: zero-padded ones of one length are codes, those beyond 2^53 are ids, and both stay text."""
    if found.whole < found.numbers:
        return "number"
    codes = found.zero_padded > 0 and found.shortest == found.longest
    return "text" if codes or found.largest > parsing.LARGEST_INTEGER else "integer"
