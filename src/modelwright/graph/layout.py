"""Where each column stands when a graph takes matrices, one for each kind of value, instead of a tensor per column.

At one row a tensor of its own costs a column about a microsecond on either side of the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = ("numbers", "texts", "times")
KIND_OF = {
    "number": "numbers",
    "integer": "numbers",
    "boolean": "numbers",
    "category": "texts",
    "text": "texts",
    "timestamp": "times",
}
TYPE_OF = {"numbers": "number", "texts": "text", "times": "timestamp"}
DTYPES: Mapping[str, Any] = {"numbers": np.float64, "texts": object, "times": np.int64}
METADATA = "modelwright.columns"  # key in the graph's metadata: the columns of each matrix, as JSON


class Layout:
    """The columns of each matrix, in order, and the place of each column."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.names = {kind: tuple(names.get(kind, ())) for kind in KINDS}
        self.places = {name: (kind, at) for kind, columns in self.names.items() for at, name in enumerate(columns)}

    @classmethod
    def of(cls, types: Mapping[str, str]) -> Layout:
        """From the columns' types, in the order of the columns."""
        names: dict[str, list[str]] = {kind: [] for kind in KINDS}
        for name, column_type in types.items():
            names[KIND_OF[column_type]].append(name)
        return cls(names)

    def pack(self, encoded: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The matrices [N, columns] of encoded columns [N], those that have columns."""
        rows = len(next(iter(encoded.values())))
        matrices = {}
        for kind, names in self.names.items():
            if names:
                matrix = np.empty((rows, len(names)), DTYPES[kind])
                for at, name in enumerate(names):
                    matrix[:, at] = encoded[name]
                matrices[kind] = matrix
        return matrices
