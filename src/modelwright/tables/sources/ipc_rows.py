"""Reads Arrow IPC files and streams batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading
from modelwright.tables.sources.arrow_rows import Rows, numbered, read_batches, sql_kinds
from modelwright.tables.sources.parquet_rows import joined

FILE_MAGIC = b"ARROW1"
FEATHER_1 = b"FEA1"


def read_ipc(engine: Engine, files: Sequence[tuple[Path, str]]) -> Reading:
    """Fill `raw` from (path, shown name) pairs; each file is read by its own column names."""
    columns: dict[str, str] = {}
    for path, name in files:
        found = sql_kinds(engine, ipc_schema(path, name))
        columns = joined(columns, found, files[0][1], name) if columns else found
    return read_batches(
        engine, columns, [Rows(name, ipc_batches(path, name), numbered) for path, name in files], textual=False
    )


def ipc_schema(path: Path, name: str) -> pa.Schema:
    """Without the digests of rows that prepare wrote."""
    with _told(name), pa.memory_map(str(path)) as file:
        return _plain(_opened(file, path, name).schema)


def ipc_batches(path: Path, name: str) -> Iterator[pa.RecordBatch]:
    with _told(name), pa.memory_map(str(path)) as file:
        opened = _opened(file, path, name)
        schema = _plain(opened.schema)
        stream = (
            (opened.get_batch(number) for number in range(opened.num_record_batches))
            if isinstance(opened, pa.ipc.RecordBatchFileReader)
            else opened
        )
        for batch in stream:
            batch.validate()
            table = pa.Table.from_batches([batch]).select(schema.names)
            yield from table.cast(schema).to_batches()


def _opened(file: pa.MemoryMappedFile, path: Path, name: str) -> pa.ipc.RecordBatchFileReader | pa.RecordBatchReader:
    with path.open("rb") as plain:
        start = plain.read(6)
    if start.startswith(FEATHER_1):
        raise DataError("a Feather file of version 1", where=name, hint="write it as version 2, or as Parquet")
    return pa.ipc.open_file(file) if start == FILE_MAGIC else pa.ipc.open_stream(file)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Dictionaries as what they stand for: each file may have its own."""
    fields = [
        pa.field(one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type)
        for one in schema
        if one.name != ROW_DIGEST
    ]
    return pa.schema(fields)


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"this is not a whole Arrow file: {said}", where=name) from error
