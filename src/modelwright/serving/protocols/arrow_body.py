"""An Arrow IPC stream as a request and as an answer.

A stream is made by others: its types are looked at before its batches are read, and a batch is validated before its
values are. Compressed batches are refused, because they say themselves how large they will be.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.core.errors import DataError
from modelwright.graph import encoders
from modelwright.serving.layout import Rows
from modelwright.serving.log.arrow_columns import column
from modelwright.serving.protocols.columns import ColumnReader
from modelwright.serving.refusals import RequestError
from modelwright.serving.signature import Field

RECORD_BATCH, DICTIONARY_BATCH = "record batch", "dictionary"


def rows(reader: ColumnReader, body: bytes) -> Rows:
    """Rows of a stream. RequestError names the column at fault."""
    try:
        table = _table(reader, body)
        return reader.read(table.column_names, table.num_rows, lambda field: _encoded(reader, field, table))
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:  # names and zones are read late, too
        raise RequestError(400, f"the body is not a valid Arrow stream: {str(error)[:200]}") from error


def written(columns: Mapping[str, tuple[str, NDArray[Any]]]) -> bytes:
    """The columns of an answer as a stream of one batch."""
    batch = pa.RecordBatch.from_arrays([column(kind, values) for kind, values in columns.values()], names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _table(reader: ColumnReader, body: bytes) -> pa.Table:
    _refuse_compressed(body)
    stream = pa.ipc.open_stream(body)
    for field in stream.schema:
        if not _plain(field.type):
            words = f"{field.name[:80]}: holds {str(field.type)[:80]}, which no input takes"
            raise RequestError(422, words, field=field.name)
    batches, count = [], 0
    for batch in stream:
        count += batch.num_rows
        if count > reader.max_rows:
            raise RequestError(422, f"expected at most {reader.max_rows} rows")
        batch.validate(full=True)
        batches.append(batch)
    return pa.Table.from_batches(batches, stream.schema)


def _plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return bool(pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
    tests = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_timestamp,
        pa.types.is_date,
    )
    return any(test(kind) for test in tests)


def _encoded(reader: ColumnReader, field: Field, table: pa.Table) -> NDArray[Any]:
    values = table.column(field.name)
    if field.type == "boolean" and not (pa.types.is_boolean(values.type) or pa.types.is_null(values.type)):
        raise RequestError(422, f"{field.name}: holds {values.type}, not true or false", field=field.name)
    if field.type in ("number", "integer") and pa.types.is_boolean(values.type):
        raise RequestError(422, f"{field.name}: holds bool, not numbers", field=field.name)
    if field.type == "timestamp" and not (pa.types.is_null(values.type) or getattr(values.type, "tz", None)):
        words = f"{field.name}: holds {values.type}, not timestamps with a time zone"
        raise RequestError(422, words, field=field.name)
    try:
        encoded = encoders.encode(field.type, values)
    except (DataError, pa.ArrowException) as error:
        words = error.problems[0].message if isinstance(error, DataError) else str(error)[:200]
        raise RequestError(422, f"{field.name}: {words}", field=field.name) from error
    if field.textual:
        return reader.texts(field, encoded)
    return encoded if field.type == "timestamp" else reader.numbers(field, np.asarray(encoded))


def _refuse_compressed(body: bytes) -> None:
    """Walks over the messages; a batch's metadata is a flatbuffer whose field 3 names the compression."""
    messages = pa.ipc.MessageReader.open_stream(body)
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            return
        if message.type not in (RECORD_BATCH, DICTIONARY_BATCH):
            continue
        metadata = memoryview(message.metadata)
        header = _table_field(metadata, _root(metadata), 2)
        if header is not None and message.type == DICTIONARY_BATCH:
            header = _table_field(metadata, _pointed(metadata, header), 1)
        if header is not None and _table_field(metadata, _pointed(metadata, header), 3) is not None:
            raise RequestError(422, "send the Arrow stream without compressed batches, or compress it with gzip")


def _root(buffer: memoryview) -> int:
    return _pointed(buffer, 0)


def _pointed(buffer: memoryview, place: int) -> int:
    return place + int(struct.unpack_from("<I", buffer, place)[0])


def _table_field(buffer: memoryview, table: int, number: int) -> int | None:
    """Where a field of a flatbuffer's table is; None when it is left out."""
    virtual = table - struct.unpack_from("<i", buffer, table)[0]
    size = struct.unpack_from("<H", buffer, virtual)[0]
    if 4 + 2 * number >= size:
        return None
    offset = struct.unpack_from("<H", buffer, virtual + 4 + 2 * number)[0]
    return table + offset if offset else None
