"""Joins and aggregates named sources by a query: each is read and typed, then the query fills `raw`.

Times of the sources are TIMESTAMPTZ for the query, so that they compare and come out as the moments they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import duckdb

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, ModelwrightError, Problem, SpecError
from modelwright.tables import reading
from modelwright.tables.engine import Engine, quote
from modelwright.tables.inference import natural_type
from modelwright.tables.reading import Reading
from modelwright.tables.sources.query_tree import check_query
from modelwright.tables.sources.sql_rows import check_result_names
from modelwright.tables.sources.sql_text import DUCKDB, statement
from modelwright.tables.typing import Declared, type_rows

NAME = "query"
REFUSED, RESULT = "refused by sources", "query result"
HINTS = {
    "INTERVAL": "date_diff('second', from, to), or epoch(…), is a number",
    "TIME": "hour(…), or epoch(…), is a number",
    "BLOB": "hex(…) is text",
}
MISSPELT = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)


def read_query(
    engine: Engine,
    sources: Mapping[str, Callable[[Engine], Reading]],
    declared: Mapping[str, Mapping[str, Declared]],
    query: str,
    max_share: float,
) -> Reading:
    """Fill `raw` with the query's rows, and `rejects` with those that a source could not read.

    SpecError for a query that is refused or not understood, DataError when it fails on the data or gives no rows.
    """
    asked = statement(query, DUCKDB)
    ordered = check_query(asked, sources)
    read = [
        _take(engine, number, name, sources[name], declared.get(name, {}), max_share)
        for number, name in enumerate(sources)
    ]
    for (view,) in engine.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal"):
        engine.execute(f"DROP VIEW {quote(view)}")  # what readers registered may have a source's name
    for number, name in enumerate(sources):
        engine.execute(f"ALTER TABLE {_staged(number)} RENAME TO {quote(name)}")
    _run(engine, asked, ordered=ordered)
    for name in sources:
        engine.execute(f"DROP TABLE {quote(name)}")
    columns = _columns(engine)
    files = (NAME, *dict.fromkeys(file for one in read for file in one.files))
    reading.start(engine, columns, [NAME])
    engine.execute(f"INSERT INTO raw SELECT *, 0 FROM {quote(RESULT)} ORDER BY rowid")
    engine.execute(f"INSERT INTO rejects SELECT * FROM {quote(REFUSED)} ORDER BY rowid")
    rows = engine.value("SELECT count(*) FROM raw")
    rejected = engine.value("SELECT count(*) FROM rejects")
    for table in (RESULT, REFUSED):
        engine.execute(f"DROP TABLE {quote(table)}")
    seen = sum(one.total for one in read)
    lines = (lambda numbers: [number + 1 for number in numbers],)
    return Reading(files, tuple(columns), rows, rejected, False, starts=(0,), lines=lines, seen=max(seen, rows))


def _staged(number: int) -> str:
    return quote(f"source {number}")


def _take(
    engine: Engine,
    number: int,
    name: str,
    read: Callable[[Engine], Reading],
    declared: Mapping[str, Declared],
    max_share: float,
) -> Reading:
    """Leave a source's typed rows in its table, and what it refused beside those of the others."""
    try:
        found = read(engine)
        columns, found = type_rows(engine, found, declared, max_share)
    except ModelwrightError as error:
        raise type(error).of(
            Problem(f"sources.{name}: {each.message}", each.where, each.hint) for each in error.problems
        ) from error
    listed = ", ".join(_value(column) for column in columns if column.role != "ignore")
    engine.execute(f"CREATE TABLE {_staged(number)} AS SELECT {listed} FROM rows ORDER BY rowid")
    engine.execute("DROP TABLE rows")
    engine.execute("DROP TABLE files")
    if number == 0:
        engine.execute(f"ALTER TABLE rejects RENAME TO {quote(REFUSED)}")
    else:
        engine.execute(f"INSERT INTO {quote(REFUSED)} SELECT * FROM rejects ORDER BY rowid")
        engine.execute("DROP TABLE rejects")
    return found


def _value(column: Column) -> str:
    name = quote(column.name)
    return f"timezone('UTC', {name}) AS {name}" if column.type == "timestamp" else name


def _run(engine: Engine, query: str, *, ordered: bool) -> None:
    """Fill `query result`: in the query's own order, or sorted by all columns."""
    try:
        described = engine.rows(f"DESCRIBE {query}")
        check_result_names([name for name, *_ in described])
        every = ", ".join(str(number + 1) for number in range(len(described)))
        whole = query if ordered else f"SELECT * FROM (\n{query}\n) ORDER BY {every}"
        with engine.one_thread():
            engine.execute(f"CREATE TABLE {quote(RESULT)} AS\n{whole}")
    except MISSPELT as error:
        said, meant = _said(error, query)
        raise SpecError(f"query: {said}", hint=meant) from error
    except duckdb.Error as error:
        raise DataError(f"the query fails: {_said(error, query)[0]}") from error
    if not engine.value(f"SELECT count(*) FROM {quote(RESULT)}"):
        raise DataError("the query gives no rows", hint="do the keys that it joins by have the same values?")


def _columns(engine: Engine) -> dict[str, str]:
    """SQL types of the result. DataError for those that are no value of a table's column."""
    columns = dict(engine.columns(RESULT))
    for name, kind in columns.items():
        if natural_type(kind) is None:
            hint = next((hint for start, hint in HINTS.items() if kind.startswith(start)), "cast it, or leave it out")
            raise DataError(f'column "{name}" of the query holds {kind} values', hint=hint)
    return columns


def _said(error: duckdb.Error, query: str) -> tuple[str, str]:
    """The engine's message in one line with its place in the query, and what could have been meant."""
    message = str(error)
    said = message.splitlines()[0].partition("Error: ")[2] or message.splitlines()[0]
    line = re.search(r"^LINE (\d+): (.*)\n( *)\^", message, re.MULTILINE)
    meant = re.search(r"(?:Candidate bindings|Did you mean)[^\n]*", message)
    where = f"line {line[1]}: " if line and "\n" in query else ""
    return where + said.rstrip(" !"), meant[0] if meant else ""
