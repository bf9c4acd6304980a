"""DuckDB with its doors closed: no extensions fetched, no files but the named ones, no more memory than allowed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from modelwright.core.errors import ResourceError

ROW_GROUP_ROWS = 122_880


def quote(identifier: str) -> str:
    """A name as SQL writes it."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string constant as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


class Engine:
    """Tables whose rows keep the order in which they were put in (`ORDER BY rowid`); `folder` is for scratch files."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._connection = connection
        self.folder = folder

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        with _resources():
            self._connection.execute(sql, list(params))

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _resources():
            return list(self._connection.execute(sql, list(params)).fetchall())

    def value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None where there is no row."""
        found = self.rows(sql, params)
        return found[0][0] if found else None

    def arrow(self, sql: str) -> pa.Table:
        with _resources():
            return self._connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, size: int = ROW_GROUP_ROWS) -> Iterator[pa.RecordBatch]:
        """The result in pieces; ask the engine nothing else until they are all read."""
        with _resources():
            yield from self._connection.sql(sql).to_arrow_reader(size)

    @contextlib.contextmanager
    def one_thread(self) -> Iterator[None]:
        """For a query that is not ours: sums of floats, and which of equal rows comes first, vary with threads."""
        threads = self.value("SELECT current_setting('threads')")
        self.execute("SET threads = 1")
        try:
            yield
        finally:
            self.execute(f"SET threads = {threads}")

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Names and SQL types, in order."""
        return [(name, kind) for name, kind, *_ in self.rows(f"DESCRIBE {quote(table)}")]

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name."""
        self._connection.register(name, table)

    def replace(self, table: str, sql: str) -> None:
        """Put the result of a query, which may read `table`, in its place."""
        following = quote(f"{table} following")
        self.execute(f"CREATE TABLE {following} AS {sql}")
        self.execute(f"DROP TABLE IF EXISTS {quote(table)}")
        self.execute(f"ALTER TABLE {following} RENAME TO {quote(table)}")

    def write_parquet(self, sql: str, path: Path) -> None:
        """Rows in the query's order: with ORDER BY, the same bytes whatever the number of threads."""
        self.execute(
            f"COPY ({sql}) TO {literal(str(path))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS}, PER_THREAD_OUTPUT false)"
        )


@contextlib.contextmanager
def _resources() -> Iterator[None]:
    """Running out of memory or disk is the user's to mend, so it says how."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ResourceError("the data did not fit in the memory allowed", hint="raise prepare.memory") from error
    except duckdb.IOException as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise ResourceError("no space left on the disk", hint="free space, or pass --runs DIR") from error
        if not re.search("space|Permission|Read-only", str(error)):
            raise
        raise ResourceError(
            f"tables could not be written: {error}", hint="free disk space, or change --runs"
        ) from error


@contextlib.contextmanager
def open_engine(folder: Path, *, memory: int, threads: int, readable: Sequence[Path]) -> Iterator[Engine]:
    """An engine working in `folder`, whose tables are gone afterwards.

    `readable`: the files that it may read beside, and the folders that it may also write to.
    """
    folder = folder.resolve()
    spill = folder / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        ":memory:",  # what does not fit goes to `spill`; a database file would compress all tables, at twice the time
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "extension_directory": str(folder / "extensions"),
            "home_directory": str(folder),
            "secret_directory": str(folder / "secrets"),
            "memory_limit": f"{memory}B",
            "temp_directory": str(spill),
            "threads": threads,
            "preserve_insertion_order": "true",
        },
    )
    try:
        resolved = [path.resolve() for path in readable]
        folders = [folder, *(path for path in resolved if path.is_dir())]
        files = [path for path in resolved if not path.is_dir()]
        connection.execute("SET TimeZone = 'UTC'")
        # It makes a join of each list of words, and so one for each column: a table of 300 columns took 1 GB.
        connection.execute("SET disabled_optimizers = 'in_clause'")
        connection.execute(f"SET allowed_directories = [{', '.join(literal(str(path)) for path in folders)}]")
        connection.execute(f"SET allowed_paths = [{', '.join(literal(str(path)) for path in files)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET allowed_configs = ['threads']")
        connection.execute("SET lock_configuration = true")
        yield Engine(connection, folder)
    finally:
        connection.close()
