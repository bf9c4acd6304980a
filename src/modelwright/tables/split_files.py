"""Writes the splits to Parquet files in one pass over `rows`: they may lie on disk, and reading them thrice is dear."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modelwright.core.columns import Column
from modelwright.tables.at_rest import at_rest
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.reading import SPLIT

MOST_ROWS, MOST_CELLS = 65_536, 4_000_000  # of a row group
PLACE = "__place__"


def write_splits(engine: Engine, columns: Sequence[Column], paths: Mapping[str, Path]) -> None:
    """Each split's rows in their order; the same bytes whatever the number of threads."""
    rows = max(min(MOST_ROWS, MOST_CELLS // (len(columns) + 1)), 1)
    place = " ".join(f"WHEN {literal(name)} THEN {number}" for number, name in enumerate(paths))
    query = f"SELECT {at_rest(columns)}, (CASE {quote(SPLIT)} {place} END)::TINYINT AS {PLACE} FROM rows"
    schema = engine.arrow(f"{query} LIMIT 0").drop_columns([PLACE]).schema
    unique = {column.name for column in columns if column.role == "id"}
    files = [_File(path, schema, rows, unique) for path in paths.values()]
    try:
        for batch in engine.batches(query, max(rows // 4, 1)):
            places, values = batch.column(batch.num_columns - 1), batch.select(schema.names)
            order, start = pc.array_sort_indices(places), 0  # stable: rows of a split stay in their order
            for number, file in enumerate(files):
                count = pc.sum(pc.equal(places, number), min_count=0).as_py()
                file.add(values.take(order.slice(start, count)))
                start += count
    finally:
        for file in files:
            file.close()


class _File:
    """A Parquet file whose row groups all have the same number of rows, but for the last.

    Fractions are not packed: that takes as long again as writing them, each time they are read too, for a fifth less.
    """

    def __init__(self, path: Path, schema: pa.Schema, rows: int, unique: Collection[str]) -> None:
        repeated = [field.name for field in schema if pa.types.is_string(field.type) and field.name not in unique]
        packing = {field.name: "none" if pa.types.is_floating(field.type) else "snappy" for field in schema}
        self._writer = pq.ParquetWriter(path, schema, compression=packing, use_dictionary=repeated)
        self._waiting = schema.empty_table()
        self._rows = rows

    def add(self, batch: pa.RecordBatch) -> None:
        self._waiting = pa.concat_tables([self._waiting, pa.Table.from_batches([batch])])
        while len(self._waiting) >= self._rows:
            self._writer.write_table(self._waiting.slice(0, self._rows))
            self._waiting = self._waiting.slice(self._rows)

    def close(self) -> None:
        if len(self._waiting):
            self._writer.write_table(self._waiting)
        self._writer.close()
