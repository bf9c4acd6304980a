"""Takes the result of a database's query, batch by batch, into `raw`.

A database gives rows in whatever order suits it, an ORDER BY leaves ties open: so rows are sorted by all their columns
on arrival, and the same rows always make the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.tables import parsing, reading
from modelwright.tables.engine import Engine, quote
from modelwright.tables.reading import Reading, TextRules

ARRIVING = "arriving"
UNNAMED = ("", "?column?")  # the second is PostgreSQL's word for it
NUMERIC = "NUMERIC"  # a decimal number written as text: DOUBLE, or text where that would lose digits of a whole number


@dataclass(frozen=True)
class SqlColumn:
    """`arrives`: the SQL type that batches carry; `becomes`: the one in `raw`, or NUMERIC."""

    name: str
    arrives: str
    becomes: str


def read_sql(
    engine: Engine,
    columns: Sequence[SqlColumn],
    batches: Iterable[pa.RecordBatch],
    name: str,
    *,
    ordered: bool = False,
    rules: TextRules | None = None,
) -> Reading:
    """Fill `raw`; rows are named by their number. `ordered`: they already come in an order that is always the same.

    With `rules` the types of text columns are found out from their values, as those of a text file are.
    """
    names = [column.name for column in columns]
    check_result_names(names)
    listed = ", ".join(f"{quote(column.name)} {column.arrives}" for column in columns)
    engine.execute(f"CREATE OR REPLACE TABLE {ARRIVING} ({listed})")
    for batch in batches:
        engine.register("given", pa.Table.from_batches([batch.rename_columns(names)]))
        engine.execute(f"INSERT INTO {ARRIVING} SELECT * FROM given")
    rows = engine.value(f"SELECT count(*) FROM {ARRIVING}")
    if not rows:
        raise DataError("the query gives no rows", where=name)
    kinds = {column.name: _kind(engine, column, name) for column in columns}
    reading.start(engine, kinds, [name])
    values = ", ".join(f"try_cast({quote(column.name)} AS {kinds[column.name]})" for column in columns)
    engine.execute(
        f"INSERT INTO raw SELECT *, 0 FROM (SELECT {values} FROM {ARRIVING}) "
        + ("" if ordered else f"ORDER BY {', '.join(str(number + 1) for number in range(len(columns)))}")
    )
    engine.execute(f"DROP TABLE {ARRIVING}")
    lines = (lambda numbers: [number + 1 for number in numbers],)
    read = Reading((name,), tuple(names), rows, 0, rules is not None, starts=(0,), lines=lines)
    return read if rules is None else Reading(**{**vars(read), "rules": rules})


def check_result_names(names: Sequence[str]) -> None:
    """DataError when two columns of a result have one name, or one has none."""
    for number, name in enumerate(names):
        if name in UNNAMED:
            raise DataError(f"column {number + 1} of the query has no name", hint="give it one: … AS name")
        if name in names[:number]:
            raise DataError(
                f'two columns of the query are called "{name}"',
                hint=f"name them apart: … AS other_{name}, or leave one out",
            )
    reading.check_names(names, "query")


def _kind(engine: Engine, column: SqlColumn, where: str) -> str:
    """The SQL type in `raw`. DataError for a value that it can't hold."""
    if column.becomes == column.arrives:
        return column.becomes
    value, kind = quote(column.name), "DOUBLE" if column.becomes == NUMERIC else column.becomes
    faulty = engine.value(
        f"SELECT {value} FROM {ARRIVING} WHERE {value} IS NOT NULL AND try_cast({value} AS {kind}) IS NULL"
    )
    if faulty is not None:
        raise DataError(
            f'column "{column.name}": "{faulty}" is no {kind.lower()}',
            where=where,
            hint="turn it into NULL, or cast the column to text, in the query",
        )
    return "VARCHAR" if column.becomes == NUMERIC and _whole_and_too_large(engine, value) else kind


def _whole_and_too_large(engine: Engine, value: str) -> bool:
    """Ids beyond 2^53: as floats neighbours would become one."""
    number = f"try_cast({value} AS DOUBLE)"
    whole, largest = engine.rows(
        f"SELECT coalesce(bool_and(NOT contains({value}, '.')), false), max(abs({number})) FROM {ARRIVING} "
        f"WHERE isfinite({number})"
    )[0]
    return bool(whole) and largest > parsing.LARGEST_INTEGER
