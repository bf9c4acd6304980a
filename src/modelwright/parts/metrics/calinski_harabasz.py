"""Calinski-Harabasz: how much farther apart cluster centres are than rows within clusters (1974)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric
from modelwright.parts.clusters import in_clusters

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

MOST_ROWS = 100_000


class CalinskiHarabasz(Metric):
    """Variance between clusters over that within, each by its degrees of freedom; larger is better, without an upper
    bound. Rows without a cluster (-1) do not count.

    Choose it to compare numbers of clusters quickly; it favours round clusters of like size.
    """

    kind: Literal["calinski_harabasz"] = "calinski_harabasz"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        chosen = in_clusters(predicted, MOST_ROWS)
        points, labels, weights = truth[chosen], predicted[chosen], weights[:, chosen]
        points = points - points.mean(axis=0) if len(points) else points
        total, squares = weights.sum(axis=1), weights @ (points**2).sum(axis=1)
        middle = ((weights @ points) ** 2).sum(axis=1)
        kept = np.zeros(len(weights))  # sum over clusters of n |mean|^2
        there = np.zeros(len(weights))
        for number in np.unique(labels):
            own = weights * (labels == number)
            size = own.sum(axis=1)
            kept += np.divide(((own @ points) ** 2).sum(axis=1), size, out=np.zeros_like(size), where=size > 0)
            there += size > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            between, within = kept - middle / total, squares - kept
            found = (between / (there - 1)) / (within / (total - there))
        return np.where((there >= 2) & (total > there) & (within > 0), found, np.nan)


PART = CalinskiHarabasz
