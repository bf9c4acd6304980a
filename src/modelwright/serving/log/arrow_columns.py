"""Arrow's buffers of encoded columns, made by numpy: `pyarrow.array` would import pandas into the server."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
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
    return matrix_buffers(kind, values[:, None])[0]


def matrix_buffers(kind: str, matrix: NDArray[Any]) -> list[Buffers]:
    """Those of each column of [N, columns], all of one kind: one by one they would take three times as long."""
    columns = np.ascontiguousarray(matrix.T)
    if kind in ("category", "text"):
        return _texts(columns)
    if kind == "timestamp":
        columns = columns.astype(np.int64, copy=False)
        return _fixed(columns, columns != NO_TIME)
    columns = columns.astype(np.float64, copy=False)
    present = ~np.isnan(columns)
    if kind == "number":
        return _fixed(columns, present)
    known = np.where(present, columns, 0)
    if kind == "boolean":
        return _fixed(np.packbits(known != 0, axis=1, bitorder="little"), present)
    return _fixed(known.astype(np.int64), present)


def repeated_numbers(values: Sequence[float], times: Sequence[int]) -> Buffers:
    """Each so many times; whole numbers stay whole."""
    return Buffers(sum(times), 0, (b"", np.repeat(np.array(values), times)))


def repeated_texts(values: Sequence[str], times: Sequence[int]) -> Buffers:
    """Each so many times."""
    written = [value.encode() for value in values]
    lengths = np.repeat(np.array(list(map(len, written)), np.int32), times)
    return _strings(lengths[None], b"".join(map(operator.mul, written, times)))[0]


def _texts(columns: NDArray[Any]) -> list[Buffers]:
    values = columns.ravel().tolist()
    together = "".join(values)
    # One character is one byte in ASCII, so that nothing needs to be encoded by itself.
    pieces: Sequence[str | bytes] = values if together.isascii() else [value.encode() for value in values]
    return _strings(np.fromiter(map(len, pieces), np.int32, len(values)).reshape(columns.shape), together.encode())


def _strings(lengths: NDArray[np.int32], together: bytes) -> list[Buffers]:
    """Texts of these lengths [columns, N] after one another; an empty one is null."""
    offsets = np.zeros((len(lengths), lengths.shape[1] + 1), np.int32)
    np.cumsum(lengths, axis=1, out=offsets[:, 1:])
    ends = [0, *np.cumsum(offsets[:, -1], dtype=np.int64).tolist()]
    return _fixed(offsets, lengths > 0, [(together[start:end],) for start, end in pairwise(ends)])


def _fixed(
    values: NDArray[Any], present: NDArray[np.bool_], more: Sequence[tuple[bytes, ...]] | None = None
) -> list[Buffers]:
    """Each row of the values as a buffer, behind it what else a column has."""
    nulls = (~present).sum(axis=1).tolist()
    validity = np.packbits(present, axis=1, bitorder="little") if any(nulls) else nulls
    rest = more or [()] * len(nulls)
    return [
        Buffers(present.shape[1], missing, (here if missing else b"", column, *others))
        for missing, here, column, others in zip(nulls, validity, values, rest, strict=True)
    ]
