"""What the first bytes of an IDX file say. Standard library only.

Format: two zero bytes, a code for the type of number, how many dimensions; the size of each as a big-endian uint32; the
numbers, big-endian too (yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import BinaryIO

from modelwright.core.errors import DataError
from modelwright.tables.sources.unpacking import opened

KINDS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_COLUMNS = 20_000


@dataclass(frozen=True)
class Shape:
    """`kind` as numpy writes it; `begin` is the position of the first number."""

    kind: str
    sizes: tuple[int, ...]

    @property
    def begin(self) -> int:
        return 4 + 4 * len(self.sizes)

    @property
    def bytes(self) -> int:
        return self.begin + math.prod(self.sizes) * int(self.kind[-1])


def read_shape(path: Path, name: str) -> Shape:
    with opened(path, name) as file:
        return _shape(file, name)


def column_names(sizes: tuple[int, ...]) -> list[str]:
    """`pixel_0_0`, … of images; `value_0`, … or `value` of others."""
    word = "pixel" if len(sizes) == 2 else "value"
    return ["_".join([word, *map(str, place)]) for place in product(*map(range, sizes))]


def _shape(file: BinaryIO, name: str) -> Shape:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in KINDS or not 1 <= start[3] <= 4:
        raise DataError("this is not an IDX file", where=name)
    sizes = file.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise DataError("the file ends early", where=name)
    shape = Shape(KINDS[start[2]], struct.unpack(f">{start[3]}I", sizes))
    if math.prod(shape.sizes[1:]) > MOST_COLUMNS:
        raise DataError(f"{math.prod(shape.sizes[1:]):,} numbers a row are more than {MOST_COLUMNS:,}", where=name)
    return shape
