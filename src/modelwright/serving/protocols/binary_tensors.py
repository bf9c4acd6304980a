"""The binary tensor extension of the Open Inference Protocol: raw little-endian values behind the JSON of a message.

BYTES elements are a length of 4 bytes and then UTF-8. https://github.com/kserve/open-inference-protocol and Triton's
`extension_binary_data`.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.serving.refusals import RequestError

TYPES = {
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}
LENGTH = struct.Struct("<I")


def numbers(name: str, datatype: str, raw: bytes | memoryview, count: int) -> NDArray[Any]:
    """[count] of a type in TYPES, or of BF16. RequestError names the tensor when the bytes are too few or too many."""
    kind = np.dtype(TYPES.get(datatype, "<u2"))
    if len(raw) != count * kind.itemsize:
        words = f"{datatype} of {count} values takes {count * kind.itemsize} bytes, got {len(raw)}"
        raise RequestError(422, f"{name}: {words}", field=name)
    if datatype == "BOOL" and (wrong := np.frombuffer(raw, np.uint8) > 1).any():
        row = int(wrong.argmax())
        raise RequestError(422, f"rows[{row}].{name}: a BOOL is a byte of 0 or 1", field=name, row=row)
    found = np.frombuffer(raw, kind)
    if datatype == "BF16":  # the upper half of a float32
        return (found.astype(np.uint32) << 16).view(np.float32)
    return found


def texts(name: str, raw: bytes | memoryview, count: int) -> NDArray[Any]:
    """[count] of str. RequestError names the tensor when an element is torn or not UTF-8."""
    found = np.empty(count, object)
    place, whole = 0, bytes(raw)
    for row in range(count):
        start = place + LENGTH.size
        if start > len(whole):
            raise RequestError(422, f"{name}: the bytes end before element {row} of {count}", field=name)
        place = start + LENGTH.unpack_from(whole, place)[0]
        if place > len(whole):
            raise RequestError(422, f"{name}: element {row} of {count} is longer than the bytes left", field=name)
        try:
            found[row] = whole[start:place].decode()
        except UnicodeDecodeError as error:
            words = f"rows[{row}].{name}: is not UTF-8 (byte {error.start})"
            raise RequestError(422, words, field=name, row=row) from error
    if place != len(whole):
        raise RequestError(422, f"{name}: {len(whole) - place} bytes after the last of {count} elements", field=name)
    return found


def raw_of(datatype: str, values: NDArray[Any]) -> bytes:
    """The bytes of an answer's tensor."""
    if datatype != "BYTES":
        return np.ascontiguousarray(values, TYPES[datatype]).tobytes()
    encoded = [text.encode() for text in values.ravel().tolist()]
    return b"".join(part for pair in zip(map(LENGTH.pack, map(len, encoded)), encoded, strict=True) for part in pair)
