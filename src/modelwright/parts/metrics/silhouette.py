"""Silhouette: whether rows are nearer to their own cluster than to the next one (Rousseeuw 1987)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Metric
from modelwright.parts.clusters import in_clusters
from modelwright.parts.predictions import mean_of_rows

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class Silhouette(Metric):
    """Mean of (b - a) / max(a, b), where a is a row's mean distance to its own cluster and b to the next one.

    Near 1: clusters are dense and apart; near 0: they touch; below 0: rows sit in the wrong one. Rows without a cluster
    (-1) do not count. It looks at every pair of rows, so at most `rows` of them are drawn, always the same ones; the
    interval takes each row's own value as given.
    """

    kind: Literal["silhouette"] = "silhouette"
    rows: int = Field(2000, ge=10, le=20_000, description="Most rows that are looked at.")

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})

    def of_rows(self, truth: Floats, predicted: Floats) -> Floats:
        import numpy as np
        from sklearn.metrics import silhouette_samples

        found = np.full(len(truth), np.nan)
        chosen = in_clusters(predicted, self.rows)
        labels = predicted[chosen]
        if 2 <= len(np.unique(labels)) < len(labels):
            found[chosen] = silhouette_samples(truth[chosen], labels)
        return found

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        return mean_of_rows(self.of_rows(truth, predicted), weights)


PART = Silhouette
