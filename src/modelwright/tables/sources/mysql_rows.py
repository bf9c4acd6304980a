"""Reads a query's result from MySQL or MariaDB, row by row from the server, in a session that can't write.

There is no Arrow driver for them: values come as the text that the server writes, and the engine casts them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading
from modelwright.tables.sources import connections
from modelwright.tables.sources.sql_rows import NUMERIC, SqlColumn, read_sql
from modelwright.tables.sources.sql_text import MYSQL, statement

NAME = "mysql"
HINT = "mysql://user:password@host:3306/database"
BATCH_ROWS = 20_000
OPTIONS = ("unix_socket", "ssl", "ssl_ca")
REFUSED, LOST, TIMED_OUT = {1045, 1698}, {2006, 2013, 1053, 1927}, {1317, 1969, 3024}
TYPES = {
    "HUGEINT": ("TINY", "SHORT", "LONG", "INT24", "LONGLONG", "YEAR"),  # BIGINT UNSIGNED is wider than BIGINT
    "DOUBLE": ("FLOAT", "DOUBLE"),
    NUMERIC: ("DECIMAL", "NEWDECIMAL"),
    "TIMESTAMPTZ": ("TIMESTAMP",),  # the session is in UTC
    "TIMESTAMP": ("DATETIME",),
    "DATE": ("DATE", "NEWDATE"),
    "VARCHAR": (
        *("VARCHAR", "VAR_STRING", "STRING", "ENUM", "SET", "JSON", "NULL"),
        *("TINY_BLOB", "BLOB", "MEDIUM_BLOB", "LONG_BLOB"),
    ),
}


def read_mysql(engine: Engine, url: str, query: str, timeout_s: float) -> Reading:
    """Fill `raw`. DataError, in one line and without the password, when the server can't be asked or fails."""
    with _session(url, timeout_s) as cursor:
        with _explained(url):
            cursor.execute(statement(query, MYSQL))
        columns = [_column(name, kind) for name, kind, *_ in cursor.description]
        return read_sql(engine, columns, _batches(cursor, [column.name for column in columns], url), NAME)


@contextlib.contextmanager
def _session(url: str, timeout_s: float) -> Iterator[Any]:
    pymysql = connections.driver("pymysql", "pymysql", "mysql")
    cursors = connections.driver("pymysql.cursors", "pymysql", "mysql")
    given = _parameters(url)
    try:
        connection = pymysql.connect(
            **given,
            charset="utf8mb4",
            connect_timeout=connections.CONNECT_TIMEOUT_S,
            read_timeout=timeout_s + connections.CONNECT_TIMEOUT_S,
            conv={},
            cursorclass=cursors.SSCursor,
            autocommit=True,
            local_infile=False,
        )
    except (pymysql.err.Error, OSError, ValueError, RuntimeError) as error:
        raise _unreachable(error, url) from None  # the traceback would hold the password
    cursor = connection.cursor()
    try:
        with _explained(url):
            for setting in _settings(str(connection.get_server_info()), timeout_s):
                cursor.execute(setting)
        yield cursor
    finally:
        if cursor._result is not None:
            cursor._result.unbuffered_active = (
                False  # else the driver fetches all rows that are left, when it tidies up
            )
        connection.close()


def _settings(server: str, timeout_s: float) -> Iterator[str]:
    yield "SET SESSION TRANSACTION READ ONLY"
    yield "SET SESSION sql_mode = REPLACE(REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''), 'ANSI_QUOTES', '')"
    yield "SET SESSION time_zone = '+00:00'"
    if "MariaDB" in server:
        yield f"SET SESSION max_statement_time = {timeout_s}"
    else:
        yield f"SET SESSION max_execution_time = {max(round(timeout_s * 1000), 1)}"
    yield "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"


def _parameters(url: str) -> dict[str, Any]:
    """The driver's arguments. DataError, which says nothing of the URL's parts, when it is none."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        port = parts.port or 3306
    except ValueError:
        parts, options, port = urlsplit(""), {}, 0
    if parts.scheme.split("+")[0] not in ("mysql", "mariadb") or set(options) - {*OPTIONS} or not parts.path.strip("/"):
        raise DataError(
            "what url: names is no URL of a MySQL database", where=NAME, hint=f"{HINT}; options: {', '.join(OPTIONS)}"
        )
    found: dict[str, Any] = {
        "host": parts.hostname or "localhost",
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.strip("/")),
    }
    if "unix_socket" in options:
        found["unix_socket"] = options["unix_socket"]
    if "ssl_ca" in options or options.get("ssl") == "true":
        found["ssl"] = {"ca": options["ssl_ca"]} if "ssl_ca" in options else {"check_hostname": True}
    return found


def _column(name: str, code: int) -> SqlColumn:
    """DataError for types that are no value of a table's column."""
    kinds = connections.driver("pymysql.constants.FIELD_TYPE", "pymysql", "mysql")
    for becomes, names in TYPES.items():
        if code in [getattr(kinds, one) for one in names if hasattr(kinds, one)]:
            return SqlColumn(name, "VARCHAR", becomes)
    said = next((one for one in ("TIME", "BIT", "GEOMETRY") if getattr(kinds, one) == code), f"number {code}")
    hint = f"{name} + 0" if said == "BIT" else f"time_to_sec({name})" if said == "TIME" else f"CAST({name} AS CHAR)"
    raise DataError(f'column "{name}" is of type {said}', where=NAME, hint=f"cast it in the query: {hint}")


def _batches(cursor: Any, names: Sequence[str], url: str) -> Iterator[pa.RecordBatch]:
    while True:
        with _explained(url):
            rows = cursor.fetchmany(BATCH_ROWS)
        if not rows:
            return
        columns = []
        for name, values in zip(names, zip(*rows, strict=True), strict=True):
            if any(isinstance(value, bytes) for value in values):
                raise DataError(f'column "{name}" holds bytes', where=NAME, hint=f"cast it in the query: hex({name})")
            columns.append(pa.array(values, pa.string()))
        yield pa.RecordBatch.from_arrays(columns, names=[str(number) for number in range(len(columns))])


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    errors = connections.driver("pymysql.err", "pymysql", "mysql")
    try:
        yield
    except (errors.Error, OSError) as error:
        code, said = _code(error), connections.without_secrets(_said(error), url)
        if code in TIMED_OUT or "timed out" in said:
            hint = "raise timeout_s, or ask for less"
            raise DataError("the query took longer than timeout_s", where=NAME, hint=hint) from None
        if code in LOST:
            raise DataError("the server closed the connection", where=NAME, hint="try again") from None
        raise DataError(f"the query fails: {said}", where=NAME) from None


def _unreachable(error: Exception, url: str) -> DataError:
    if _code(error) in REFUSED:
        hint = "check user and password in the environment variable that url: names"
        return DataError("the server refused the user or the password", where=NAME, hint=hint)
    return DataError(
        f"no connection: {connections.without_secrets(_said(error), url)}", where=NAME, hint=f"url: is like {HINT}"
    )


def _code(error: Exception) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _said(error: Exception) -> str:
    return connections.first_line(str(error.args[1] if len(error.args) > 1 else error))
