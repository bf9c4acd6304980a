"""What k-means and its mini-batch form share: rows belong to the nearest of some centres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import DataError

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


def check_clusters(kind: str, clusters: int, features: Floats) -> None:
    """DataError when there are more clusters than different rows."""
    import numpy as np

    if clusters > len(features) or clusters > len(np.unique(features, axis=0)):
        different = len(np.unique(features, axis=0))
        raise DataError(
            f"{kind}: {clusters} clusters of {len(features)} rows, {different} of them different",
            where="train.model.clusters",
            hint=f"at most {different}",
        )


@dataclass(frozen=True)
class FittedCentres:
    centres: Floats  # [K, F]
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        """[N, 1 + K]: the number of the nearest centre, and the distance to each."""
        import numpy as np

        from modelwright.graph.centres import nearest, squared_distances

        squared = squared_distances(features, self.centres)
        return np.column_stack([nearest(squared).astype(np.float64), np.sqrt(squared)])

    def compile(self, graph: GraphBuilder, features: str) -> str:
        from modelwright.graph.centres import compile_nearest, compile_squared_distances

        squared = compile_squared_distances(graph, features, self.centres)
        return graph.op("Concat", compile_nearest(graph, squared), graph.op("Sqrt", squared), axis=1)

    def save_native(self, folder: Path) -> None:
        """Nothing: the centres are all there is to it, and they are in the graph."""
