"""Keeps what steps made of learn's columns: in memory while that is little, else in files, a column after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from modelwright.fitting.learn_rows import DTYPES

IN_MEMORY_BYTES = 256_000_000


@dataclass
class Kept:
    """One made column: numbers, or for text the codes of its words. `array` is None where it lies in `path`."""

    rows: int
    dtype: Any
    words: list[str] | None
    array: NDArray[Any] | None
    path: Path | None = None
    offset: int = 0  # bytes

    def values(self, start: int = 0, size: int | None = None) -> NDArray[Any]:
        """Some rows (or all) as the graph takes them."""
        size = self.rows - start if size is None else size
        if self.array is not None:
            found = self.array[start : start + size]
        else:
            assert self.path is not None
            place = self.offset + start * np.dtype(self.dtype).itemsize
            found = np.fromfile(self.path, self.dtype, count=size, offset=place)
        return found if self.words is None else np.array(self.words, object)[found]

    def codes(self) -> NDArray[np.int32]:
        """[N] of a text column: places in `words`."""
        return Kept(self.rows, self.dtype, None, self.array, self.path, self.offset).values()


class MadeColumns:
    """What is kept of one fit. Without a folder for files everything stays in memory."""

    def __init__(self, rows: int, scratch: Path | None) -> None:
        self._rows = rows
        self._scratch = scratch
        self.read: dict[str, Kept] = {}  # columns of the source, by name
        self._held = 0
        self._files = 0

    def writing(self, types: Sequence[str]) -> Writing:
        """Room for columns of these types, to be filled a piece at a time."""
        dtypes = [DTYPES.get(kind, np.int32) for kind in types]
        words: list[list[str] | None] = [None if kind in DTYPES else [] for kind in types]
        size = self._rows * sum(np.dtype(dtype).itemsize for dtype in dtypes)
        if self._scratch is None or self._held + size <= IN_MEMORY_BYTES:
            self._held += size
            columns = [
                Kept(self._rows, dtype, known, np.empty(self._rows, dtype))
                for dtype, known in zip(dtypes, words, strict=True)
            ]
            return Writing(columns, None)
        self._scratch.mkdir(parents=True, exist_ok=True)
        path = self._scratch / f"made-{self._files}.bin"
        self._files += 1
        columns, offset = [], 0
        for dtype, known in zip(dtypes, words, strict=True):
            columns.append(Kept(self._rows, dtype, known, None, path, offset))
            offset += self._rows * np.dtype(dtype).itemsize
        return Writing(columns, path.open("wb"))


@dataclass
class Writing:
    """Columns while they are filled, from the first row to the last."""

    columns: list[Kept]
    file: BinaryIO | None
    _known: list[dict[str, int]] = field(default_factory=list)

    def add(self, start: int, arrays: Sequence[NDArray[Any]]) -> None:
        """The next rows of every column."""
        self._known = self._known or [{} for _ in self.columns]
        for column, known, values in zip(self.columns, self._known, arrays, strict=True):
            written = values if column.words is None else _coded(values, known, column.words)
            if column.array is not None:
                column.array[start : start + len(written)] = written
            else:
                assert self.file is not None
                self.file.seek(column.offset + start * np.dtype(column.dtype).itemsize)
                self.file.write(np.ascontiguousarray(written, column.dtype).data)

    def done(self) -> list[Kept]:
        if self.file is not None:
            self.file.close()
        return self.columns


def _coded(values: NDArray[Any], known: dict[str, int], words: list[str]) -> NDArray[np.int32]:
    codes = np.empty(len(values), np.int32)
    for at, word in enumerate(values.tolist()):
        code = known.get(word)
        if code is None:
            code = known[word] = len(words)
            words.append(word)
        codes[at] = code
    return codes
