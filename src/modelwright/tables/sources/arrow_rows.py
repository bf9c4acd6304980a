"""Takes rows that come as Arrow tables or batches, from memory or from a reader that makes them."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa

from modelwright.tables import reading
from modelwright.tables.engine import Engine, quote
from modelwright.tables.reading import FILE, Lines, Reading, Refusal, TextRules

BATCH_ROWS = 10_000
BATCH_CELLS = 2_000_000


@dataclass
class Rows:
    """What one file holds. `refused` and whatever `lines` needs are known when all batches were taken."""

    name: str
    batches: Iterable[pa.RecordBatch]
    lines: Lines
    refused: list[Refusal] = field(default_factory=list)


def read_arrow(engine: Engine, table: pa.Table, name: str) -> Reading:
    """Fill `raw`; rows are named by their number."""
    kinds = sql_kinds(engine, table.schema)
    return read_batches(engine, kinds, [Rows(name, table.to_batches(), numbered)], textual=False)


def read_batches(
    engine: Engine,
    columns: Mapping[str, str],
    files: Sequence[Rows],
    *,
    textual: bool,
    rules: TextRules | None = None,
) -> Reading:
    """Fill `raw` with the batches of each file, by column name, and `rejects`. NoRows when there are none."""
    reading.start(engine, columns, [rows.name for rows in files])
    listed = ", ".join(map(quote, columns))
    starts, total, refused = [], 0, 0
    for number, rows in enumerate(files):
        starts.append(total)
        for batch in rows.batches:
            engine.register("given", pa.Table.from_batches([batch]))
            engine.execute(f"INSERT INTO raw BY NAME SELECT {listed}, {number} AS {quote(FILE)} FROM {quote('given')}")
            total += batch.num_rows
        reading.refuse(engine, rows.refused)
        refused += len(rows.refused)
    if total == 0:
        found = f"; refused:\n{reading.examples(engine)}" if refused else ""
        raise reading.NoRows(f"no rows{found}", where=files[0].name)
    names, lines = tuple(rows.name for rows in files), tuple(rows.lines for rows in files)
    return Reading(names, tuple(columns), total, refused, textual, rules or TextRules(), tuple(starts), lines)


def sql_kinds(engine: Engine, schema: pa.Schema) -> dict[str, str]:
    """The SQL types that Arrow's become. DataError for names that occur twice."""
    reading.check_names(schema.names, "")
    engine.register("given", schema.empty_table())
    return {column: kind for column, kind, *_ in engine.rows(f"DESCRIBE SELECT * FROM {quote('given')}")}


def batches_of(
    names: Sequence[str], rows: Iterable[Sequence[object]], kinds: Mapping[str, pa.DataType] | None = None
) -> Iterator[pa.RecordBatch]:
    """Rows of values as batches: of text, but where `kinds` says otherwise."""
    types = [(kinds or {}).get(name, pa.string()) for name in names]
    waiting, size = iter(rows), max(min(BATCH_ROWS, BATCH_CELLS // max(len(names), 1)), 1)
    while some := list(islice(waiting, size)):
        columns = zip(*some, strict=True)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
        yield pa.record_batch(arrays, names=list(names))


def numbered(rows: Sequence[int]) -> Sequence[int]:
    """Rows are named by their number, from 1."""
    return [row + 1 for row in rows]


def noted(lines: Sequence[int]) -> Lines:
    """The line of each row is noted."""
    return lambda rows: [lines[row] for row in rows]


def passing_over(skipped: Sequence[int]) -> Lines:
    """The lines of rows where each line is a row, but for the skipped ones (ascending, from 1)."""
    before = [line - number for number, line in enumerate(skipped, 1)]  # rows that come before each skipped line
    return lambda rows: [row + 1 + bisect.bisect_right(before, row) for row in rows]
