"""Clusters around means, for many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.centres import FittedCentres, check_clusters
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.parts.samples import FitContext, Fitted, Samples


class MiniBatchKMeans(Model):
    """k-means by small random batches (Sculley 2010; scikit-learn's MiniBatchKMeans), of standardized features.

    Choose it over `k_means` from some hundred thousand rows on: it takes a fraction of the time for an inertia that is
    a few percent larger. New rows belong to the nearest centre.
    """

    kind: Literal["mini_batch_k_means"] = "mini_batch_k_means"
    clusters: int = Field(8, ge=1, le=1000, description="How many clusters.")
    batch_rows: int = Field(1024, ge=1, le=1_000_000, description="Rows of a batch.")
    passes: int = Field(100, ge=1, le=100_000, description="Most passes over the rows.")
    starts: int = Field(3, ge=1, le=1000, description="Starts that are tried on a batch; the best is gone on with.")

    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"clusters": {"low": 2, "high": 20, "type": "int"}}
    seeded: ClassVar[bool] = True

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        from sklearn.cluster import MiniBatchKMeans as Estimator

        check_clusters(self.kind, self.clusters, learn.features)
        estimator = Estimator(
            self.clusters,
            batch_size=self.batch_rows,
            max_iter=self.passes,
            n_init=self.starts,
            random_state=context.seed,
        )
        with one_thread():
            estimator.fit(learn.features, sample_weight=learn.weights)
        notes = {"clusters": self.clusters, "inertia": float(estimator.inertia_), "batches": int(estimator.n_steps_)}
        return FittedCentres(estimator.cluster_centers_, notes)


PART = MiniBatchKMeans
