"""Clusters as dense regions, whatever their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.estimators.cores import fitted_cores
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.parts.samples import FitContext, Fitted, Samples


class Dbscan(Model):
    """DBSCAN (Ester, Kriegel, Sander and Xu 1996; scikit-learn's DBSCAN), of standardized features.

    Choose it where clusters have any shape, nobody knows how many there are, and rows may belong to none: those get
    cluster -1. **New rows**: DBSCAN itself says nothing of them; here a row belongs to the cluster of the nearest core
    row, if that is within `radius`, and to none otherwise, which is what DBSCAN says of its own rows (border rows
    between two clusters apart). The core rows **are in the graph: it contains rows of your data**. Of more than
    `max_rows` rows of learn that many are drawn, and they are less dense then: the radius has to be larger.
    """

    kind: Literal["dbscan"] = "dbscan"
    radius: float = Field(0.5, gt=0, le=1e6, description="How near rows are neighbours, in standard deviations.")
    min_rows: int = Field(5, ge=1, le=100_000, description="Neighbours, itself included, that make a row a core row.")
    max_rows: int = Field(10_000, ge=2, le=100_000, description="Most rows of learn that are looked at.")

    contains_rows: ClassVar[bool] = True
    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "radius": {"low": 0.1, "high": 10.0, "log": True},
        "min_rows": {"low": 3, "high": 30, "type": "int"},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.cluster import DBSCAN

        rows, notes = bounded_rows(learn, self.max_rows, 0, context.seed)
        with one_thread():
            found = DBSCAN(eps=self.radius, min_samples=self.min_rows).fit(rows.features, sample_weight=rows.weights)
        cores = np.full(len(rows.features), -1)
        cores[found.core_sample_indices_] = found.labels_[found.core_sample_indices_]
        told = {**notes, "without_cluster": float((found.labels_ < 0).mean())}
        hint = f"a larger radius than {self.radius:g}, or min_rows below {self.min_rows}"
        reach = np.full(len(cores), self.radius)
        return fitted_cores(self.kind, rows.features, cores, reach, told, hint)


PART = Dbscan
