"""Reads a query's result from PostgreSQL as Arrow record batches, in a session that can't write.

The driver fetches by `COPY (query) TO STDOUT` in binary, so rows stream and types arrive as they are.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading
from modelwright.tables.sources import connections
from modelwright.tables.sources.sql_rows import NUMERIC, SqlColumn, read_sql
from modelwright.tables.sources.sql_text import POSTGRESQL, statement

NAME = "postgresql"
HINT = "postgresql://user:password@host:5432/database"
OPTIONS = {  # libpq's, where the URL does not say otherwise: never wait forever for a server that is not there
    "connect_timeout": str(connections.CONNECT_TIMEOUT_S),
    "application_name": "modelwright",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
TYPES = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "BIGINT"),
    **dict.fromkeys(("float4", "float8"), "DOUBLE"),
    **dict.fromkeys(("text", "varchar", "bpchar", "char", "name", "json", "jsonb", "unknown"), "VARCHAR"),
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "uuid": "VARCHAR",
}
DAYS = (-2_440_588, 2_932_897)  # since 1970, from PostgreSQL's first day to the end of the year 9999
HOW_TO_CAST = {
    "bytea": "encode({name}, 'hex')",
    "interval": "extract(epoch FROM {name})",
    "money": "{name}::numeric",
}


def read_postgresql(engine: Engine, url: str, query: str, timeout_s: float) -> Reading:
    """Fill `raw`. DataError, in one line and without the password, when the server can't be asked or fails."""
    with _session(url, timeout_s) as cursor:
        with _explained(url):
            cursor.execute(statement(query, POSTGRESQL))
            reader = cursor.fetch_record_batch()
        columns = [_column(field) for field in reader.schema]
        return read_sql(engine, columns, _batches(reader, url), NAME)


@contextlib.contextmanager
def _session(url: str, timeout_s: float) -> Iterator[Any]:
    dbapi = connections.driver("adbc_driver_postgresql.dbapi", "adbc-driver-postgresql", "postgresql")
    try:
        connection = dbapi.connect(_with_options(url), autocommit=True)
    except dbapi.Error as error:
        raise _unreachable(str(error), url) from None  # the traceback would hold the URL
    with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
        with _explained(url):
            for setting in (
                "SET default_transaction_read_only = on",
                "SET standard_conforming_strings = on",
                "SET TimeZone = 'UTC'",
                f"SET statement_timeout = {max(round(timeout_s * 1000), 1)}",
                "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
            ):
                cursor.execute(setting)
        yield cursor


def _with_options(url: str) -> str:
    missing = {name: value for name, value in OPTIONS.items() if f"{name}=" not in url}
    if "://" in url:
        return url + ("&" if "?" in url else "?") + "&".join(f"{name}={value}" for name, value in missing.items())
    return " ".join([url, *(f"{name}={value}" for name, value in missing.items())])


def _column(field: pa.Field) -> SqlColumn:
    """DataError for types that are no value of a table's column."""
    kind = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    if kind == "numeric":
        return SqlColumn(field.name, "VARCHAR", NUMERIC)
    if kind in TYPES:
        return SqlColumn(field.name, TYPES[kind], TYPES[kind])
    if field.type == pa.string():  # an enum or a domain
        return SqlColumn(field.name, "VARCHAR", "VARCHAR")
    array = kind.startswith("_")
    how = "array_to_string({name}, ',')" if array else HOW_TO_CAST.get(kind, "{name}::text")
    said = f"an array of {kind[1:]}" if array else f"of type {kind}"
    raise DataError(
        f'column "{field.name}" is {said}', where=NAME, hint=f"cast it in the query: {how.format(name=field.name)}"
    )


def _batches(reader: pa.RecordBatchReader, url: str) -> Iterator[pa.RecordBatch]:
    names = reader.schema.names
    while True:
        with _explained(url):
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
        for name, column in zip(names, batch.columns, strict=True):
            _check_finite(name, column)
        plain = [_storage(column) for column in batch.columns]
        yield pa.RecordBatch.from_arrays(plain, names=[str(number) for number in range(len(plain))])


def _check_finite(name: str, column: pa.Array) -> None:
    """DataError for `infinity`, which the driver makes a moment long before mankind."""
    if pa.types.is_timestamp(column.type):
        whole, per_day = column.view(pa.int64()), 86_400_000_000
    elif pa.types.is_date32(column.type):
        whole, per_day = column.view(pa.int32()), 1
    else:
        return
    found = pc.min_max(whole).as_py()
    if found["min"] is not None and not (DAYS[0] * per_day <= found["min"] <= found["max"] < DAYS[1] * per_day):
        hint = f"leave them out in the query: nullif({name}, 'infinity')"
        raise DataError(f'column "{name}" holds infinity, or a year after 9999', where=NAME, hint=hint)


def _storage(column: pa.Array) -> pa.Array:
    """The engine is given plain types only."""
    if not isinstance(column, pa.ExtensionArray):
        return column
    if column.type.extension_name == "arrow.uuid":
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    return column.storage


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    dbapi = connections.driver("adbc_driver_postgresql.dbapi", "adbc-driver-postgresql", "postgresql")
    try:
        yield
    except (dbapi.Error, pa.ArrowException, OSError) as error:
        raise _failed(str(error), url) from None


def _unreachable(message: str, url: str) -> DataError:
    said = connections.first_line(message.partition("Failed to connect:")[2] or message)
    if "password" in said:
        hint = "check user and password in the environment variable that url: names"
        return DataError("the server refused the user or the password", where=NAME, hint=hint)
    return DataError(
        f"no connection: {connections.without_secrets(said, url)}", where=NAME, hint=f"url: is like {HINT}"
    )


def _failed(message: str, url: str) -> DataError:
    """From what the driver says: `…: ERROR:  relation "nope" does not exist\\nLINE 1: …\\nQuery was: …`."""
    server = re.search(r"ERROR:\s+(.*)", message)
    if server is None:
        broken = re.search("closed the connection|terminat|no connection|lost|reset|EOF", message)
        said = connections.without_secrets(connections.first_line(message), url)
        return DataError("the server closed the connection" if broken else said, where=NAME, hint="try again")
    said = connections.without_secrets(server[1], url)
    if "statement timeout" in said:
        return DataError("the query took longer than timeout_s", where=NAME, hint="raise timeout_s, or ask for less")
    if "terminating connection" in said:
        return DataError("the server closed the connection", where=NAME, hint="try again")
    line = re.search(r"^LINE (\d+):", message, re.MULTILINE)
    return DataError(f"the query fails{f' at line {line[1]}' if line else ''}: {said}", where=NAME)
