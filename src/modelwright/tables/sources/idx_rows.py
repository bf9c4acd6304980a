"""Makes a table of the arrays of IDX files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading
from modelwright.tables.sources.arrow_rows import BATCH_CELLS, Rows, numbered, read_batches, sql_kinds
from modelwright.tables.sources.idx_files import column_names, read_shape


def read_idx(engine: Engine, files: Sequence[tuple[Path, str]]) -> Reading:
    """Fill `raw` from (path, shown name) of the arrays and, where there is a second file, of their labels."""
    values = _array(*files[0])
    labels = _array(*files[1]) if len(files) > 1 else None
    if labels is not None and labels.shape != values.shape[:1]:
        raise DataError(f"{labels.shape[0]:,} labels for {values.shape[0]:,} rows", where=files[1][1])
    schema = pa.schema(
        [(name, pa.from_numpy_dtype(values.dtype.newbyteorder("="))) for name in column_names(values.shape[1:])]
        + ([] if labels is None else [("label", pa.from_numpy_dtype(labels.dtype.newbyteorder("=")))])
    )
    rows = Rows(files[0][1], _batches(schema.names, values, labels), numbered)
    return read_batches(engine, sql_kinds(engine, schema), [rows], textual=False)


def _array(path: Path, name: str) -> NDArray[np.generic]:
    shape = read_shape(path, name)
    size = path.stat().st_size
    if size != shape.bytes:
        raise DataError(
            f"{size:,} bytes, its first ones promise {shape.bytes:,}", where=name, hint="get the whole file"
        )
    if not size - shape.begin:
        raise DataError("no rows", where=name)
    return np.memmap(path, dtype=shape.kind, mode="r", offset=shape.begin, shape=shape.sizes)


def _batches(
    names: Sequence[str], values: NDArray[np.generic], labels: NDArray[np.generic] | None
) -> Iterator[pa.RecordBatch]:
    rows, width = values.shape[0], values[0].size
    size = max(BATCH_CELLS // width, 1)
    for start in range(0, rows, size):
        table = values[start : start + size].reshape(-1, width)
        native = np.asfortranarray(table, dtype=table.dtype.newbyteorder("="))
        columns = [native[:, place] for place in range(width)]
        if labels is not None:
            some = labels[start : start + size]
            columns.append(some.astype(some.dtype.newbyteorder("=")))
        yield pa.record_batch([pa.array(column) for column in columns], names=list(names))
