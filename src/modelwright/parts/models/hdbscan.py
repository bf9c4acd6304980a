"""Clusters as dense regions of different density."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.estimators.cores import fitted_cores
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.parts.samples import FitContext, Fitted, Samples


class Hdbscan(Model):
    """HDBSCAN (Campello, Moulavi and Sander 2013; scikit-learn's HDBSCAN), of standardized features.

    Choose it over `dbscan` where some clusters are denser than others, or no radius is known: it takes the clusters
    that persist over the widest range of radii. Rows in none get cluster -1. **New rows**: a row belongs to the cluster
    of the nearest clustered row of learn, if it is not farther from it than that row's own `neighbors`-th neighbour
    (its core distance), and to none otherwise. The clustered rows **are in the graph: it contains rows of your data**;
    at most `max_rows` are drawn from learn.
    """

    kind: Literal["hdbscan"] = "hdbscan"
    min_cluster_rows: int = Field(10, ge=2, le=100_000, description="Fewest rows of a cluster.")
    neighbors: int | None = Field(
        None, ge=1, le=100_000, description="Which neighbour says how dense it is; default: min_cluster_rows."
    )
    max_rows: int = Field(10_000, ge=2, le=100_000, description="Most rows of learn that are looked at.")

    contains_rows: ClassVar[bool] = True
    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "min_cluster_rows": {"low": 3, "high": 100, "log": True, "type": "int"},
        "neighbors": {"low": 1, "high": 30, "type": "int"},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        from sklearn.cluster import HDBSCAN
        from sklearn.neighbors import NearestNeighbors

        rows, notes = bounded_rows(learn, self.max_rows, 0, context.seed)
        neighbors, count = self.neighbors or self.min_cluster_rows, len(rows.features)
        if max(self.min_cluster_rows, neighbors) > count:
            raise DataError(
                f"hdbscan: {max(self.min_cluster_rows, neighbors)} rows make a cluster, and there are {count}",
                where="train.model",
                hint="fewer min_cluster_rows or neighbors",
            )
        with one_thread():
            found = HDBSCAN(min_cluster_size=self.min_cluster_rows, min_samples=neighbors, copy=True).fit(rows.features)
            near = NearestNeighbors(n_neighbors=neighbors).fit(rows.features).kneighbors(rows.features)[0]
        told = {**notes, "without_cluster": float((found.labels_ < 0).mean())}
        hint = f"min_cluster_rows below {self.min_cluster_rows}, or fewer neighbors"
        return fitted_cores(self.kind, rows.features, found.labels_, near[:, -1], told, hint)


PART = Hdbscan
