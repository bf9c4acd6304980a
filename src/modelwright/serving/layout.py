"""Rows of a request as matrices, one for each kind of value: what the graph takes and what the log keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.layout import DTYPES, KINDS, Layout
from modelwright.serving.signature import Signature


class Rows:
    """N rows that a signature accepts, as `graph.encoders` encodes them: inputs first, then context."""

    __slots__ = ("layout", "numbers", "texts", "times")

    def __init__(
        self, layout: Layout, numbers: NDArray[np.float64], texts: NDArray[Any], times: NDArray[np.int64]
    ) -> None:
        self.layout, self.numbers, self.texts, self.times = layout, numbers, texts, times

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, name: str) -> NDArray[Any]:
        """[N] of one column."""
        kind, place = self.layout.places[name]
        column: NDArray[Any] = getattr(self, kind)[:, place]
        return column

    def matrix(self, names: Sequence[str]) -> NDArray[Any]:
        """[N, columns] of columns that are in the same matrix."""
        places = [self.layout.places[name] for name in names]
        whole: NDArray[Any] = getattr(self, places[0][0])
        return whole[:, [at for _, at in places]] if len(names) < whole.shape[1] else whole

    def columns(self) -> dict[str, NDArray[Any]]:
        """[N] of every column, by name."""
        return {name: self.column(name) for name in self.layout.places}

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        return Rows(self.layout, self.numbers[chosen], self.texts[chosen], self.times[chosen])

    def mixed(self, start: int, count: int) -> Rows:
        """`count` rows, each value from another row: as many different rows as one likes, of real values.

        The same for the same `start`; numpy.random would take 4 MB of a server's memory.
        """

        def drawn(matrix: NDArray[Any]) -> NDArray[Any]:
            columns = np.arange(matrix.shape[1])
            seeds = np.arange(start, start + count)[:, None] * 1_000_003 + columns
            mixed: NDArray[Any] = matrix[(seeds * 2_654_435_761 % 4_294_967_291 >> 7) % len(self), columns]
            return mixed

        return Rows(self.layout, drawn(self.numbers), drawn(self.texts), drawn(self.times))


def layout_of(signature: Signature) -> Layout:
    """Where the columns of a signature are in its rows."""
    return Layout.of({field.name: field.type for field in signature.fields})


def rows_of(layout: Layout, encoded: Mapping[str, NDArray[Any]]) -> Rows:
    """Rows of columns that were encoded one by one; all columns of the layout are there."""
    count = len(next(iter(encoded.values())))
    matrices = layout.pack(encoded)
    empty = {kind: np.empty((count, 0), DTYPES[kind]) for kind in KINDS if kind not in matrices}
    return Rows(layout, **matrices, **empty)


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows of one layout after one another."""
    if len(parts) == 1:
        return parts[0]
    matrices = {kind: np.concatenate([getattr(part, kind) for part in parts]) for kind in KINDS}
    return Rows(parts[0].layout, **matrices)
