"""Looks for columns that give the target away: known only afterwards, or computed from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.core.columns import NUMERIC, Column
from modelwright.tables.description import LEARN
from modelwright.tables.engine import Engine, quote

CORRELATION = 0.999
PURITY = 0.999  # share of rows whose class the column gives
MOST_COMMON = 0.99  # share of one class beyond which that says little
MOST_VALUES = 50  # of a column that is taken for a code of the class
ROWS_PER_VALUE = 10  # fewer may be pure by chance
GLANCE = 1000  # rows that a candidate has to pass before all are looked at
MOST_COLUMNS = 2000  # beyond which pairs of them are not looked at
MOST_SUMS = 20  # nobody reads more warnings


def find_leaks(engine: Engine, columns: Sequence[Column], target: Column, *, classification: bool) -> list[str]:
    """One warning for each suspicion; cheap, and blind to subtler leaks."""
    inputs = [column for column in columns if column.role == "input"]
    if classification:
        codes = [column for column in inputs if column.type in ("category", "integer", "boolean")]
        return [_gives_class(column) for column in codes if _determines(engine, column.name, target.name)]
    numbers = [column.name for column in inputs if column.type in NUMERIC]
    alike = _correlated(engine, numbers, target.name)
    warnings = [
        f'"{name}" is nearly the same as the target "{target.name}" (|correlation| > {CORRELATION})' for name in alike
    ]
    sums = _sums(engine, [name for name in numbers if name not in alike], target.name)
    return warnings + [f'"{one}" + "{other}" is exactly the target "{target.name}": a leak' for one, other in sums]


def _gives_class(column: Column) -> str:
    return f'"{column.name}" alone gives the class of nearly every row: a leak, if it is not known when predicting'


def _determines(engine: Engine, name: str, target: str) -> bool:
    """Whether guessing the most frequent class of each value is right, while guessing one class for all is not."""
    counted = f"SELECT {quote(name)} AS v, {quote(target)} AS c, count(*) AS n FROM rows WHERE {LEARN} GROUP BY ALL"
    pure = f"SELECT max(n) AS best, sum(n) AS n, v FROM ({counted}) GROUP BY v"
    values, right, rows, common = engine.rows(
        f"SELECT count(*), sum(best), sum(n), (SELECT max(n) FROM (SELECT sum(n) AS n FROM ({counted}) GROUP BY c)) "
        f"FROM ({pure})"
    )[0]
    if not 2 <= values <= MOST_VALUES or rows < ROWS_PER_VALUE * values:
        return False
    return bool(right >= PURITY * rows and common <= MOST_COMMON * rows)


def _correlated(engine: Engine, names: Sequence[str], target: str) -> list[str]:
    if not names:
        return []
    listed = ", ".join(f"corr({quote(name)}::DOUBLE, {quote(target)}::DOUBLE)" for name in names)
    found = engine.rows(f"SELECT {listed} FROM rows WHERE {LEARN}")[0]
    return [name for name, value in zip(names, found, strict=True) if value is not None and abs(value) > CORRELATION]


def _sums(engine: Engine, names: Sequence[str], target: str) -> list[tuple[str, str]]:
    """Pairs of columns that add up to the target on every row."""
    pairs = _likely_sums(engine, names, target)
    if not pairs:
        return []
    tests = ", ".join(
        f"coalesce(bool_and({quote(a)}::DOUBLE + {quote(b)}::DOUBLE = {quote(target)}), false)" for a, b in pairs
    )
    kept = engine.rows(f"SELECT {tests} FROM rows WHERE {LEARN}")[0]
    return [pair for pair, holds in zip(pairs, kept, strict=True) if holds]


def _likely_sums(engine: Engine, names: Sequence[str], target: str) -> list[tuple[str, str]]:
    """Pairs that add up wherever both are known, on the first rows; there are millions of pairs to rule out."""
    if not 2 <= len(names) <= MOST_COLUMNS:
        return []
    listed = ", ".join(f"{quote(name)}::DOUBLE" for name in (*names, target))
    table = engine.arrow(f"SELECT {listed} FROM rows WHERE {LEARN} ORDER BY rowid LIMIT {GLANCE}")
    values = np.column_stack([column.to_numpy() for column in table.columns])
    left, right = np.triu_indices(len(names), 1)
    for row in values:
        sums = row[left] + row[right]
        holds = (sums == row[-1]) | np.isnan(sums)
        left, right = left[holds], right[holds]
    return [(names[one], names[other]) for one, other in zip(left[:MOST_SUMS], right[:MOST_SUMS], strict=True)]
