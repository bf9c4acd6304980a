"""What clusterings by density share: rows that are kept, and the rule that gives new rows to their clusters.

A new row belongs to the cluster of the nearest row that is kept, if it is not farther from it than that row's reach;
otherwise to none (-1).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.stored_rows import Grid
    from modelwright.parts.samples import Floats


def fitted_cores(
    kind: str, rows: Floats, clusters: NDArray[np.int64], reach: Floats, notes: Mapping[str, Any], hint: str
) -> FittedCores:
    """Rows [S, F] with their cluster (0, 1, …; -1 is left out) and reach. DataError when no row has a cluster."""
    import numpy as np

    from modelwright.graph.stored_rows import Grid

    kept = np.flatnonzero(clusters >= 0)
    if not len(kept):
        raise DataError(f"{kind} found no cluster among {len(rows):,} rows", where="train.model", hint=hint)
    kept = kept[np.argsort(clusters[kept], kind="stable")]  # rows of one cluster side by side
    grid = Grid.for_rows(rows)
    told = {**notes, "clusters": int(clusters.max()) + 1, "stored_rows": len(kept), "contains_rows": True}
    # A little more than the reach, as the grid rounds: a row at just that distance is within it.
    steps = (reach[kept] / grid.step + np.sqrt(rows.shape[1])) ** 2
    return FittedCores(grid, grid.steps(rows[kept]), clusters[kept], steps, told)


@dataclass(frozen=True)
class FittedCores:
    grid: Grid
    stored: Floats  # [S, F] in whole steps of the grid, cluster by cluster
    clusters: NDArray[np.int64]  # [S]
    reach: Floats  # [S], squared, in steps
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        """[N, 1 + K]: the cluster or -1, and the distance to the nearest kept row of each."""
        import numpy as np

        from modelwright.graph.stored_rows import PIECE, squared_distances
        from modelwright.parts.one_thread import one_thread

        starts = self._starts()
        found = np.empty((len(features), 1 + len(starts)))
        with one_thread():
            for at in range(0, len(features), PIECE):
                squared = squared_distances(self.grid.steps(features[at : at + PIECE]), self.stored)
                place = squared.argmin(axis=1)
                within = squared[np.arange(len(place)), place] <= self.reach[place]
                found[at : at + PIECE, 0] = np.where(within, self.clusters[place], -1)
                found[at : at + PIECE, 1:] = np.sqrt(np.minimum.reduceat(squared, starts, axis=1)) * self.grid.step
        return found

    def _starts(self) -> NDArray[np.int64]:
        import numpy as np

        return np.searchsorted(self.clusters, np.arange(int(self.clusters[-1]) + 1))

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph.stored_rows import compile_squared_distances

        squared = compile_squared_distances(graph, self.grid.compile(graph, features), self.stored)
        place = graph.op("ArgMin", squared, axis=1, keepdims=1)  # of equal ones the first
        least = graph.op("GatherElements", squared, place, axis=1)
        within = graph.op("LessOrEqual", least, graph.op("Gather", self.reach, place))
        own = graph.op("Gather", self.clusters.astype(np.float64), place)
        cluster = graph.op("Where", within, own, np.float64(-1))
        ends = [*self._starts().tolist(), len(self.stored)]
        nearest = []
        for start, end in itertools.pairwise(ends):
            part = graph.op("Slice", squared, np.array([start]), np.array([end]), np.array([1]))
            nearest.append(graph.op("ReduceMin", part, np.array([1]), keepdims=1))
        distances = graph.op("Concat", *nearest, axis=1)
        return graph.op(
            "Concat", cluster, graph.op("Mul", graph.op("Sqrt", distances), np.float64(self.grid.step)), axis=1
        )

    def save_native(self, folder: Path) -> None:
        """Nothing: its rows are all there is to it."""
