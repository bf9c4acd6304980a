"""Reads a query's result from an SQLite file.

A column of SQLite may hold values of several types. They are counted first, so that a column of whole numbers becomes
one of integers, of numbers one of numbers; all else is text, whose meaning is found out as that of a CSV file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine, quote
from modelwright.tables.reading import Reading, TextRules
from modelwright.tables.sources.sql_rows import SqlColumn, check_result_names, read_sql
from modelwright.tables.sources.sqlite_files import columns_of, open_read_only, query_of

BATCH_ROWS = 20_000
CLASSES = ("integer", "real", "text", "blob")
ARROW = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string()}


def read_sqlite(
    engine: Engine, path: Path, name: str, query: str | None, table: str | None, rules: TextRules, timeout_s: float
) -> Reading:
    """Fill `raw`, in the order that SQLite gives: the same file gives the same."""
    with open_read_only(path, name, timeout_s) as connection:
        asked = query_of(connection, query, table)
        names = columns_of(connection, asked)
        check_result_names(names)
        kinds = _kinds(connection, asked, names, name)
        columns = [SqlColumn(column, kind, kind) for column, kind in zip(names, kinds, strict=True)]
        batches = _batches(connection, asked, kinds)
        return read_sql(engine, columns, batches, name, ordered=True, rules=rules)


def _kinds(connection: sqlite3.Connection, query: str, names: Sequence[str], where: str) -> list[str]:
    """SQL types by the classes of all values. DataError for bytes."""
    tests = ", ".join(f"max(typeof({quote(name)}) = '{one}')" for name in names for one in CLASSES)
    found = list(connection.execute(f"SELECT {tests} FROM (\n{query}\n)").fetchone())
    kinds = []
    for number, name in enumerate(names):
        integer, real, text, blob = found[4 * number : 4 * number + 4]
        if blob:
            raise DataError(f'column "{name}" holds bytes', where=where, hint="leave it out of the query, or hex() it")
        kinds.append("VARCHAR" if text or not (integer or real) else "DOUBLE" if real else "BIGINT")
    return kinds


def _batches(connection: sqlite3.Connection, query: str, kinds: Sequence[str]) -> Iterator[pa.RecordBatch]:
    cursor = connection.execute(query)
    numbers = [str(number) for number in range(len(kinds))]
    while rows := cursor.fetchmany(BATCH_ROWS):
        columns = [_array(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, names=numbers)


def _array(values: Sequence[object], kind: str) -> pa.Array:
    if kind == "DOUBLE":
        values = [None if value is None else float(value) for value in values]  # type: ignore[arg-type]  # a number
    if kind == "VARCHAR":
        values = [value if value is None or isinstance(value, str) else repr(value) for value in values]
    return pa.array(values, ARROW[kind])
