"""Takes rows that are already in memory as an Arrow table."""

from __future__ import annotations

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.tables import reading
from modelwright.tables.engine import Engine, quote
from modelwright.tables.reading import FILE, Reading


def read_arrow(engine: Engine, table: pa.Table, name: str) -> Reading:
    """Fill `raw`; rows are named by their number."""
    if table.num_rows == 0:
        raise DataError("no rows", where=name)
    engine.register("given", table)
    described = engine.rows(f"DESCRIBE SELECT * FROM {quote('given')}")
    reading.start(engine, {column: kind for column, kind, *_ in described}, [name])
    engine.execute(f"INSERT INTO raw BY NAME SELECT *, 0 AS {quote(FILE)} FROM {quote('given')}")
    lines = (lambda rows: [row + 1 for row in rows],)
    return Reading((name,), tuple(table.column_names), table.num_rows, 0, False, starts=(0,), lines=lines)
