"""The rows that steps are fitted on, a column or a piece at a time: a table in memory, or a file of any size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from modelwright.core.errors import DataError
from modelwright.graph import encoders
from modelwright.tables.table_files import opened

PIECE_ROWS = 8192  # little even where thousands of columns are looked at together
COLUMN_ROWS = 65_536  # at a time of one column alone
DTYPES = {"number": np.float64, "timestamp": np.int64}  # of encoded columns; all others hold objects of str


class LearnRows(Protocol):
    """Columns by name. All pieces hold as many rows (the last one fewer), wherever the rows come from."""

    @property
    def rows(self) -> int: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def tables(self, names: Sequence[str], size: int = PIECE_ROWS) -> Iterator[pa.Table]:
        """Some columns, a piece of `size` rows at a time."""


@dataclass(frozen=True)
class TableRows:
    """A table in memory."""

    table: pa.Table

    @property
    def rows(self) -> int:
        count: int = self.table.num_rows
        return count

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    def tables(self, names: Sequence[str], size: int = PIECE_ROWS) -> Iterator[pa.Table]:
        chosen = self.table.select(list(names))
        for start in range(0, self.rows, size):
            yield chosen.slice(start, size)


@dataclass(frozen=True)
class ParquetRows:
    """A file that is read anew each time: nothing of it stays in memory."""

    path: Path

    @cached_property
    def _metadata(self) -> Any:
        return pq.read_metadata(self.path)

    @property
    def rows(self) -> int:
        count: int = self._metadata.num_rows
        return count

    @cached_property
    def missing(self) -> dict[str, int]:
        """How many values are missing, by column: for those of which the file itself says so."""
        groups = [self._metadata.row_group(number) for number in range(self._metadata.num_row_groups)]
        found = {}
        for at, name in enumerate(self.names):
            known = [group.column(at).statistics for group in groups]
            if all(one is not None and one.has_null_count for one in known):
                found[name] = sum(one.null_count for one in known)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._metadata.schema.to_arrow_schema().names)

    def tables(self, names: Sequence[str], size: int = PIECE_ROWS) -> Iterator[pa.Table]:
        pending: list[pa.RecordBatch] = []
        held = 0
        with opened(self.path) as file:
            # Batches may end where a row group does, so they are joined to pieces here.
            for batch in file.iter_batches(size, columns=list(dict.fromkeys(names)), use_threads=False):
                pending.append(batch)
                held += batch.num_rows
                if held >= size:
                    joined = pa.Table.from_batches(pending)
                    yield joined.slice(0, size)
                    pending = joined.slice(size).to_batches()
                    held -= size
        if held:
            yield pa.Table.from_batches(pending)


def rows_of(source: pa.Table | Path) -> LearnRows:
    return ParquetRows(source) if isinstance(source, Path) else TableRows(source)


def pieces(rows: LearnRows, types: Mapping[str, str], size: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Some columns as the graph takes them, a piece at a time. DataError for infinite numbers."""
    if not types:
        yield from ({} for _ in range(0, rows.rows, size))
        return
    for table in rows.tables(list(types), size):
        yield {name: _encoded(rows, table, name, kind) for name, kind in types.items()}


def column(rows: LearnRows, name: str, column_type: str) -> NDArray[Any]:
    """All rows of one column, as the graph takes it."""
    whole = np.empty(rows.rows, DTYPES.get(column_type, object))
    start = 0
    for piece in pieces(rows, {name: column_type}, COLUMN_ROWS):
        whole[start : start + len(piece[name])] = piece[name]
        start += len(piece[name])
    return whole


def counts(rows: LearnRows, name: str, where: NDArray[np.bool_] | None = None) -> dict[str, int]:
    """How often each text occurs in a column (in the rows of `where`); '' and missing are left out."""
    found: dict[str, int] = {}
    for at, table in enumerate(rows.tables([name], COLUMN_ROWS)):
        values = table.column(name)
        if where is not None:
            values = values.filter(pa.array(where[at * COLUMN_ROWS : (at + 1) * COLUMN_ROWS]))
        counted = pc.value_counts(values)
        words, sizes = (counted.field(field) for field in ("values", "counts"))
        for word, size in zip(words.cast(pa.string()).to_pylist(), sizes.to_pylist(), strict=True):
            if word:
                found[word] = found.get(word, 0) + size
    return found


def all_missing(rows: LearnRows, name: str) -> bool:
    if isinstance(rows, ParquetRows) and name in rows.missing:
        return rows.missing[name] == rows.rows
    return all(table.column(name).null_count == len(table) for table in rows.tables([name]))


def _encoded(rows: LearnRows, table: pa.Table, name: str, column_type: str) -> NDArray[Any]:
    encoded = encoders.encode(column_type, table.column(name))
    if column_type == "number" and np.isinf(encoded).any():
        parts = (encoders.encode(column_type, part.column(name)) for part in rows.tables([name]))
        total = sum(int(np.isinf(part).sum()) for part in parts)
        raise DataError(
            f'column "{name}" holds {total} infinite values',
            hint=f"mend the source, or leave it out of the features: {{kind: drop, columns: [{name}]}}",
        )
    return encoded
