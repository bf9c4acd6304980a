"""Reads Parquet files with DuckDB; rows are named by their number in the file.

A column `__row__` is that of a table which prepare wrote: it is passed over, so that such tables can be read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.tables import reading
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.inference import natural_type
from modelwright.tables.reading import FILE, Reading

WIDER = {("integer", "number"): "DOUBLE", ("integer", "integer"): "HUGEINT", ("number", "number"): "DOUBLE"}


Partition = Mapping[str, str | int | None]


def read_parquet(
    engine: Engine, files: Sequence[tuple[Path, str]], partitions: Sequence[Partition] | None = None
) -> Reading:
    """Fill `raw` from (path, shown name) pairs; each file is read by its own column names.

    `partitions` are columns that have one value for all rows of a file.
    """
    columns: dict[str, str] = {}
    for path, name in files:
        found = _columns(engine, path, name)
        columns = joined(columns, found, files[0][1], name) if columns else found
    constant = partitions or [{} for _ in files]
    columns = {name: kind for name, kind in columns.items() if name not in constant[0]}
    reading.start(engine, {**columns, **_kinds(constant)}, [name for _, name in files])
    listed = ", ".join(map(quote, columns))
    starts, rows = [], 0
    for number, (path, name) in enumerate(files):
        starts.append(rows)
        added = "".join(f", {_constant(value)} AS {quote(column)}" for column, value in constant[number].items())
        try:
            engine.execute(
                f"INSERT INTO raw BY NAME SELECT {listed}{added}, {number} AS {quote(FILE)} FROM {_table(path)}"
            )
        except duckdb.Error as error:
            raise DataError(f"the file can't be read to its end: {error}", where=name) from error
        rows = engine.value("SELECT count(*) FROM raw")
    if not rows:
        raise reading.NoRows("no rows", where=files[0][1])
    lines = tuple(_row_numbers for _ in files)
    names = (*columns, *constant[0])
    return Reading(tuple(name for _, name in files), names, rows, 0, False, starts=tuple(starts), lines=lines)


def _kinds(partitions: Sequence[Partition]) -> dict[str, str]:
    return {
        name: "VARCHAR" if any(isinstance(values[name], str) for values in partitions) else "BIGINT"
        for name in partitions[0]
    }


def _constant(value: str | int | None) -> str:
    return "NULL" if value is None else literal(value) if isinstance(value, str) else str(value)


def _table(path: Path) -> str:
    """DuckDB takes paths for globs; brackets around a character make it plain."""
    plain = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
    return f"read_parquet({literal(plain)})"


def _columns(engine: Engine, path: Path, name: str) -> dict[str, str]:
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            raise DataError("this is not a Parquet file", where=name)
    try:
        described = engine.rows(f"DESCRIBE SELECT * FROM {_table(path)}")
    except duckdb.Error as error:
        raise DataError(f"this is not a whole Parquet file: {error}", where=name) from error
    return {column: kind for column, kind, *_ in described if column != ROW_DIGEST}


def joined(known: dict[str, str], found: dict[str, str], first: str, name: str) -> dict[str, str]:
    """SQL types that hold both files' values. DataError when columns are missing or types do not go together."""
    for here, there, one, other in ((known, found, first, name), (found, known, name, first)):
        for column in here:
            if column not in there:
                raise DataError(f'no column "{column}", which {one} has{did_you_mean(column, there)}', where=other)
    return {column: _wider(column, kind, found[column], name) for column, kind in known.items()}


def _wider(column: str, one: str, other: str, name: str) -> str:
    if one == other:
        return one
    kinds = sorted(str(natural_type(kind)) for kind in (one, other))
    if (kinds[0], kinds[1]) not in WIDER:
        raise DataError(f'column "{column}" is of type {other} here, of type {one} before', where=name)
    return WIDER[kinds[0], kinds[1]]


def _row_numbers(rows: Sequence[int]) -> Sequence[int]:
    return [row + 1 for row in rows]
