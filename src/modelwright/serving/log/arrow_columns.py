"""Arrow arrays from encoded columns, built from buffers: `pyarrow.array` would import pandas into the server."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.graph.encoders import MISSING_TEXT, NO_TIME

TIME = pa.timestamp("us", "UTC")
TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "category": pa.string(),
    "text": pa.string(),
    "timestamp": TIME,
}


def column(kind: str, values: NDArray[Any]) -> pa.Array:
    """The Arrow array of a column as `graph.encoders` encodes it; what stands for missing becomes null."""
    if kind in ("category", "text"):
        return texts(values.tolist(), values != MISSING_TEXT)
    if kind == "timestamp":
        return _fixed(TIME, values.astype(np.int64, copy=False), values != NO_TIME)
    numbers = values.astype(np.float64, copy=False)
    present = ~np.isnan(numbers)
    if kind == "number":
        return _fixed(pa.float64(), numbers, present)
    if kind == "boolean":
        return _fixed(pa.bool_(), np.packbits(np.where(present, numbers, 0) != 0, bitorder="little"), present)
    return _fixed(pa.int64(), np.where(present, numbers, 0).astype(np.int64), present)


def texts(values: Sequence[str], present: NDArray[np.bool_] | None = None) -> pa.Array:
    """Strings, all present unless a mask says otherwise."""
    together = "".join(values)
    # One character is one byte in ASCII, so that nothing needs to be encoded by itself.
    pieces: Sequence[str | bytes] = values if together.isascii() else [value.encode() for value in values]
    offsets = np.fromiter(accumulate(map(len, pieces), initial=0), np.int32, len(values) + 1)
    buffers = [_validity(present), pa.py_buffer(offsets), pa.py_buffer(together.encode())]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _fixed(kind: pa.DataType, values: NDArray[Any], present: NDArray[np.bool_]) -> pa.Array:
    buffers = [_validity(present), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(kind, len(present), buffers)


def _validity(present: NDArray[np.bool_] | None) -> pa.Buffer | None:
    if present is None or present.all():
        return None
    return pa.py_buffer(np.packbits(present, bitorder="little"))
