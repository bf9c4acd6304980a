"""Opens an SQLite file so that it can only be read, and tells what a query would give. Standard library only."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote as percent

from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.tables.sources.sql_text import SQLITE, QueryError, check_select, place, statement, words

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 20
WRITE_AHEAD = 2  # bytes 18 and 19 of a file whose changes go to a second one first
BUSY_TIMEOUT_S = 10
STEPS = 100_000  # of SQLite's machine, between looks at the clock
READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
CLOCKS = ("current_timestamp", "current_date", "current_time")
TIME_FUNCTIONS = ("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff")


def files_of(path: Path) -> list[Path]:
    """The database, and the changes that were not yet written into it."""
    beside = path.with_name(f"{path.name}-wal")
    return [path, beside] if beside.exists() and beside.stat().st_size else [path]


def check_repeatable(query: str) -> None:
    """QueryError for a query that does more than select, or that asks for the time."""
    check_select(query, SQLITE)
    found = words(query, SQLITE)
    text = statement(query, SQLITE)
    for number, token in enumerate(found):
        after = [one.text for one in found[number + 1 : number + 3]]
        empty = token.word in TIME_FUNCTIONS and after == ["(", ")"]
        if empty or (token.kind == "word" and token.word in CLOCKS) or token.word == "'now'":
            raise QueryError(
                f"{place(text, token.start)}: {token.text} is refused: the same file has to give the same rows",
                hint="write the date that is meant",
            )


@contextlib.contextmanager
def open_read_only(path: Path, name: str, timeout_s: float) -> Iterator[sqlite3.Connection]:
    """A connection that only SELECTs; errors inside are DataErrors. Leaves nothing beside the file."""
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    if start[: len(MAGIC)] != MAGIC:
        raise DataError("this is not an SQLite database", where=name)
    # Nobody has a database in this mode open whose second file is gone; SQLite would create one to look into it.
    alone = start[18] == WRITE_AHEAD and not path.with_name(f"{path.name}-wal").exists()
    address = f"file:{percent(str(path))}?mode=ro{'&immutable=1' if alone else ''}"
    refused: list[str] = []
    with _explained(name, refused):
        connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            end = time.monotonic() + timeout_s
            connection.set_progress_handler(lambda: int(time.monotonic() > end), STEPS)
            connection.execute("BEGIN")  # one state of the database for all that is asked
            connection.set_authorizer(lambda *asked: _authorized(asked, refused))
            yield connection


def columns_of(connection: sqlite3.Connection, query: str) -> list[str]:
    """The names of a query's columns; two of one name both by it, though SQLite calls the second `name:1` here."""
    described = connection.execute(f"SELECT * FROM (\n{query}\n) LIMIT 0").description
    names = [name for name, *_ in described]
    given = [re.sub(r":\d+$", "", name) for name in names]
    return [plain if plain in names else name for name, plain in zip(names, given, strict=True)]


def query_of(connection: sqlite3.Connection, query: str | None, table: str | None) -> str:
    """The statement to run: the user's, or all of a table. DataError when there is no such table."""
    if query is not None:
        return statement(query, SQLITE)
    wanted = str(table)
    found = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
    tables = [name for (name,) in connection.execute(found)]
    if wanted not in tables:
        near = did_you_mean(wanted, tables)
        raise DataError(f'the database has no table "{wanted}"{near}', hint=f"it has {', '.join(tables)}")
    return 'SELECT * FROM "{}"'.format(wanted.replace('"', '""'))


def _authorized(asked: tuple[object, ...], refused: list[str]) -> int:
    action, _, function, *_ = asked
    if action in READING:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        if str(function).casefold() not in (*SQLITE.refused, *CLOCKS):
            return sqlite3.SQLITE_OK
        refused.append(f"the function {function} is refused")
    else:
        refused.append("the query does more than select")
    return sqlite3.SQLITE_DENY


@contextlib.contextmanager
def _explained(name: str, refused: list[str]) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if refused:
            raise DataError(refused[0], where=name) from error
        if said == "interrupted":
            hint = "raise timeout_s, or ask for less"
            raise DataError("the query took longer than timeout_s", where=name, hint=hint) from error
        if "locked" in said or "readonly" in said or "unable to open" in said:
            hint = "another program writes to it, or was stopped while it did; opening it with sqlite3 mends that"
            raise DataError(f"the database can't be read: {said}", where=name, hint=hint) from error
        if "malformed" in said or "disk image" in said:
            raise DataError(f"the database is damaged: {said}", where=name) from error
        raise DataError(f"the query fails: {said}", where=name) from error
