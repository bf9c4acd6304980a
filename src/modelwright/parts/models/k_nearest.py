"""The most similar rows of learn vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.stored_rows import Grid
    from modelwright.parts.samples import Floats


class KNearest(Model):
    """k-nearest neighbours (Cover and Hart, 1967; scikit-learn's KNeighborsClassifier and KNeighborsRegressor), by
    Euclidean distance of standardized features; of rows equally near, those that come first in learn.

    Choose it for few columns whose distances mean something, such as coordinates. The stored rows **are in the graph:
    it contains rows of your data**; at most `max_rows` are drawn from learn, and each makes scoring slower. Where rows
    have weights, so have their votes.
    """

    kind: Literal["k_nearest"] = "k_nearest"
    neighbors: int = Field(15, ge=1, le=1000, description="How many of the nearest rows vote.")
    weights: Literal["uniform", "distance"] = Field(
        "distance", description="All votes alike, or by the inverse of their distance."
    )
    max_rows: int = Field(5000, ge=2, le=100_000, description="Most rows of learn that are stored.")

    contains_rows: ClassVar[bool] = True
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "neighbors": {"low": 1, "high": 100, "log": True, "type": "int"},
        "weights": {"choices": ["uniform", "distance"]},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        from modelwright.graph.stored_rows import Grid

        rows, notes = bounded_rows(learn, self.max_rows, context.n_classes, context.seed)
        grid = Grid.for_rows(rows.features)
        votes = np.ones(len(rows.target)) if rows.weights is None else rows.weights
        counted = votes > 0  # a row that has no vote is no neighbour
        if not counted.any():
            raise DataError("k_nearest: no row that it drew has a weight above 0", where="train.model")
        codes = rows.target.astype(np.int64)
        told = np.eye(context.n_classes)[codes] if context.n_classes else rows.target[:, None]
        return FittedNeighbors(
            grid,
            grid.steps(rows.features[counted]),
            told[counted],
            None if rows.weights is None else votes[counted],
            min(self.neighbors, int(counted.sum())),
            self.weights == "distance",
            context.n_classes,
            {**notes, "stored_rows": int(counted.sum()), "contains_rows": True},
        )


@dataclass(frozen=True)
class FittedNeighbors:
    grid: Grid
    stored: Floats  # [S, F] in whole steps of the grid
    told: Floats  # [S, K]: the class as 0 and 1, or the value
    votes: Floats | None  # [S]
    neighbors: int
    by_distance: bool
    n_classes: int
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        from modelwright.graph.stored_rows import PIECE, squared_distances

        found = np.empty((len(features), self.told.shape[1]))
        with one_thread():
            for start in range(0, len(features), PIECE):
                distances = squared_distances(self.grid.steps(features[start : start + PIECE]), self.stored)
                places = _nearest(distances, self.neighbors)
                weights = self._weights(np.take_along_axis(distances, places, axis=1), places)
                total = weights.sum(axis=1)
                for at, told in enumerate(self.told.T):
                    found[start : start + PIECE, at] = (weights * told[places]).sum(axis=1) / total
        return found if self.n_classes else found[:, 0]

    def _weights(self, near: Floats, places: NDArray[np.int64]) -> Floats:
        import numpy as np

        weights = np.ones(near.shape)
        if self.by_distance:
            same = near == 0
            inverse = 1 / np.sqrt(np.where(same, 1.0, near))
            weights = np.where(same.any(axis=1, keepdims=True), same.astype(float), inverse)
        return weights if self.votes is None else weights * self.votes[places]

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph.stored_rows import compile_squared_distances

        distances = compile_squared_distances(graph, self.grid.compile(graph, features), self.stored)
        # Of equal distances it takes the first.
        near, places = graph.ops("TopK", distances, np.array([self.neighbors]), axis=1, largest=0, sorted=1, outputs=2)
        weights = self._compile_weights(graph, near, places)
        ones = np.ones((self.neighbors, 1))
        total = graph.op("MatMul", weights, ones)
        columns = []
        for told in self.told.T:
            votes = graph.op("Mul", weights, graph.op("Gather", np.ascontiguousarray(told), places))
            columns.append(graph.op("Div", graph.op("MatMul", votes, ones), total))
        if self.n_classes:
            return graph.op("Concat", *columns, axis=1)
        return graph.op("Squeeze", columns[0], np.array([1]))

    def _compile_weights(self, graph: GraphBuilder, near: str, places: str) -> str:
        import numpy as np

        from modelwright.graph.builder import NUMBER

        same = graph.cast(graph.op("Equal", near, np.float64(0)), NUMBER)
        if self.by_distance:
            known = graph.op("Add", near, same)  # 1 in place of 0, which nothing can be divided by
            inverse = graph.op("Div", np.float64(1), graph.op("Sqrt", known))
            # A row that is the same outweighs all others.
            some = graph.op("Greater", graph.op("ReduceMax", same, np.array([1])), np.float64(0))
            weights = graph.op("Where", some, same, inverse)
        else:
            weights = graph.op("Add", graph.op("Mul", near, np.float64(0)), np.float64(1))
        return weights if self.votes is None else graph.op("Mul", weights, graph.op("Gather", self.votes, places))

    def save_native(self, folder: Path) -> None:
        """Nothing: its rows are all there is to it."""


def _nearest(distances: Floats, count: int) -> NDArray[np.int64]:
    """[N, count] places of the smallest of each row, nearest first; of equals the first."""
    import numpy as np

    furthest = np.partition(distances, count - 1, axis=1)[:, count - 1]
    places = np.empty((len(distances), count), np.int64)
    for at, (row, limit) in enumerate(zip(distances, furthest, strict=True)):
        within = np.flatnonzero(row <= limit)
        places[at] = within[np.argsort(row[within], kind="stable")[:count]]
    return places


PART = KNearest
