"""The values of an Arrow array, from its buffers: pyarrow's own `to_numpy` and `fill_null` import pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def values_of(array: pa.Array, dtype: Any, missing: Any) -> NDArray[Any]:
    """[N] of an array whose values have the width of `dtype`; `missing` stands for null. Not to be written to."""
    if len(array) == 0:
        return np.empty(0, dtype)
    validity, data = array.buffers()
    width = np.dtype(dtype).itemsize
    values: NDArray[Any] = np.frombuffer(data, dtype, len(array), array.offset * width)
    if array.null_count == 0:
        return values
    present = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little", count=array.offset + len(array))
    return np.where(present[array.offset :] == 1, values, np.asarray(missing, dtype))
