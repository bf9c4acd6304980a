"""Arrow's stream format, written without pyarrow, which would take 26 MB of each worker's memory.

A stream is a message with the schema, then one for each batch; a message is a flatbuffer and the batch's buffers
(https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format). Readers check both.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Value = Callable[[bytearray], int]  # writes itself behind what is there, and returns where it begins
Slot = Value | tuple[str, int] | None  # of a table: another value, or a number and its format

V5 = 4  # of the format of metadata
SCHEMA, RECORD_BATCH = 1, 3  # kinds of messages
ALIGNED = 8
CONTINUED = 0xFFFFFFFF


@dataclass(frozen=True)
class Field:
    """A column of a stream, of a kind that `arrow_columns` knows."""

    name: str
    kind: str
    metadata: Mapping[str, str]


@dataclass(slots=True)  # not frozen: that would cost half a microsecond for each one made
class Buffers:
    """A column's values: validity where some are null, then what its type has."""

    length: int
    nulls: int
    parts: Sequence[Any]  # bytes or contiguous arrays


def schema_message(fields: Sequence[Field], metadata: Mapping[str, str]) -> bytes:
    """The beginning of a stream."""
    return _message(SCHEMA, _table(None, _vector([_field(field) for field in fields]), _pairs(metadata)), b"")


def batch_message(columns: Sequence[Buffers]) -> bytes:
    """One batch; all columns are of one length."""
    pieces: list[bytes] = []
    places, end = [], 0
    for column in columns:
        for part in column.parts:
            content = part if type(part) is bytes else part.tobytes()
            size = len(content)
            places.append((end, size))
            pieces.append(content)
            if size % ALIGNED:
                pieces.append(bytes(-size % ALIGNED))
            end += size + -size % ALIGNED
    nodes = _structs([(column.length, column.nulls) for column in columns])
    return _message(RECORD_BATCH, _table(("q", columns[0].length), nodes, _structs(places)), b"".join(pieces))


def _message(kind: int, header: Value, body: bytes) -> bytes:
    metadata = bytearray(ALIGNED)
    struct.pack_into("<I", metadata, 0, _table(("h", V5), ("B", kind), header, ("q", len(body)))(metadata))
    _pad(metadata)
    return struct.pack("<II", CONTINUED, len(metadata)) + metadata + body


def _field(field: Field) -> Value:
    number, kind = _type(field.kind)
    nothing = _vector([])
    return _table(_text(field.name), ("B", 1), ("B", number), kind, None, nothing, _pairs(field.metadata))


def _type(kind: str) -> tuple[int, Value]:
    """Its number in the union of types, and what is said of it."""
    if kind == "integer":
        return 2, _table(("i", 64), ("B", 1))
    if kind == "number":
        return 3, _table(("h", 2))
    if kind == "boolean":
        return 6, _table()
    return (10, _table(("h", 2), _text("UTC"))) if kind == "timestamp" else (5, _table())


def _pairs(metadata: Mapping[str, str]) -> Value | None:
    return _vector([_table(_text(key), _text(value)) for key, value in metadata.items()]) if metadata else None


def _table(*slots: Slot) -> Value:
    """Each field takes eight bytes, so that all are aligned; what they point to follows."""

    def write(out: bytearray) -> int:
        _pad(out)
        fields = [0 if slot is None else ALIGNED * (place + 1) for place, slot in enumerate(slots)]
        index = len(out)
        out += struct.pack(f"<{len(slots) + 2}H", 4 + 2 * len(slots), ALIGNED * (len(slots) + 1), *fields)
        _pad(out)
        start = len(out)
        out += struct.pack("<i4x", start - index) + bytes(ALIGNED * len(slots))
        for offset, slot in zip(fields, slots, strict=True):
            if isinstance(slot, tuple):
                struct.pack_into(f"<{slot[0]}", out, start + offset, slot[1])
            elif slot is not None:
                _point(out, start + offset, slot)
        return start

    return write


def _text(text: str) -> Value:
    def write(out: bytearray) -> int:
        _pad(out)
        start, content = len(out), text.encode()
        out += struct.pack("<I", len(content)) + content + b"\0"
        return start

    return write


def _vector(values: Sequence[Value]) -> Value:
    def write(out: bytearray) -> int:
        _pad(out)
        start = len(out)
        out += struct.pack("<I", len(values)) + bytes(4 * len(values))
        for place, value in enumerate(values, 1):
            _point(out, start + 4 * place, value)
        return start

    return write


def _structs(pairs: Sequence[tuple[int, int]]) -> Value:
    """A vector of pairs of long numbers, which stand in it themselves."""

    def write(out: bytearray) -> int:
        _pad(out)
        out += struct.pack("<4xI", len(pairs)) + np.array(pairs, "<i8").tobytes()
        return len(out) - 16 * len(pairs) - 4

    return write


def _point(out: bytearray, place: int, value: Value) -> None:
    struct.pack_into("<I", out, place, value(out) - place)


def _pad(out: bytearray) -> None:
    out += bytes(-len(out) % ALIGNED)
