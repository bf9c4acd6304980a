"""Clusters around means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.centres import FittedCentres, check_clusters
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples


class KMeans(Model):
    """k-means (Lloyd 1982, started by k-means++; scikit-learn's KMeans), by distances of standardized features.

    Choose it first: for round groups of like size, when about how many there are is known or can be tried (`tune`
    searches `clusters` by the silhouette). `distance_to` is the distance to each centre, and a new row belongs to the
    nearest one. Its notes tell the inertia, the sum of squared distances of learn to their centres.
    """

    kind: Literal["k_means"] = "k_means"
    clusters: int = Field(8, ge=1, le=1000, description="How many clusters.")
    starts: int = Field(10, ge=1, le=1000, description="Starts from other centres, of which the best is kept.")
    rounds: int = Field(300, ge=1, le=100_000, description="Most rounds of one start.")

    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"clusters": {"low": 2, "high": 20, "type": "int"}}
    seeded: ClassVar[bool] = True

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        from sklearn.cluster import KMeans as Estimator

        check_clusters(self.kind, self.clusters, learn.features)
        estimator = Estimator(
            self.clusters, n_init=self.starts, max_iter=self.rounds, random_state=context.seed, algorithm="lloyd"
        )
        with one_thread():
            estimator.fit(learn.features, sample_weight=learn.weights)
        notes = {"clusters": self.clusters, "inertia": float(estimator.inertia_), "rounds": int(estimator.n_iter_)}
        return FittedCentres(estimator.cluster_centers_, notes)


PART = KMeans
