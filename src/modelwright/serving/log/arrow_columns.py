"""Arrow's buffers of encoded columns, made by numpy: `pyarrow.array` would import pandas into the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.encoders import NO_TIME
from modelwright.serving.log.arrow_stream import Buffers

if TYPE_CHECKING:
    import pyarrow as pa


def column(kind: str, values: NDArray[Any]) -> pa.Array:
    """The Arrow array of a column as `graph.encoders` encodes it; what stands for missing becomes null."""
    import pyarrow as pa

    types = {
        "number": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    found = buffers(kind, values)
    parts = [pa.py_buffer(part) for part in found.parts]
    if not found.nulls:
        parts[0] = None
    return pa.Array.from_buffers(types.get(kind, pa.string()), found.length, parts)


def buffers(kind: str, values: NDArray[Any]) -> Buffers:
    """The same as its buffers alone."""
    if kind in ("category", "text"):
        return _texts(values.tolist())
    if kind == "timestamp":
        return _fixed(values.astype(np.int64, copy=False), values != NO_TIME)
    numbers = values.astype(np.float64, copy=False)
    present = ~np.isnan(numbers)
    if kind == "number":
        return _fixed(numbers, present)
    if kind == "boolean":
        return _with_validity(present, np.packbits(np.where(present, numbers, 0) != 0, bitorder="little"))
    return _fixed(np.where(present, numbers, 0).astype(np.int64), present)


def repeated_texts(values: Sequence[str], times: Sequence[int]) -> Buffers:
    """Each so many times."""
    written = [value.encode() for value in values]
    lengths = np.repeat(np.array(list(map(len, written)), np.int32), times)
    return _strings(lengths, b"".join(value * count for value, count in zip(written, times, strict=True)))


def _texts(values: Sequence[str]) -> Buffers:
    together = "".join(values)
    # One character is one byte in ASCII, so that nothing needs to be encoded by itself.
    pieces: Sequence[str | bytes] = values if together.isascii() else [value.encode() for value in values]
    return _strings(np.fromiter(map(len, pieces), np.int32, len(values)), together.encode())


def _strings(lengths: NDArray[np.int32], together: bytes) -> Buffers:
    """An empty one is null."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return _with_validity(lengths > 0, offsets, together)


def _fixed(values: NDArray[Any], present: NDArray[np.bool_]) -> Buffers:
    return _with_validity(present, np.ascontiguousarray(values))


def _with_validity(present: NDArray[np.bool_], *parts: Any) -> Buffers:
    nulls = len(present) - int(np.count_nonzero(present))
    validity = np.packbits(present, bitorder="little") if nulls else b""
    return Buffers(len(present), nulls, [validity, *parts])
