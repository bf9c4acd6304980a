"""Davies-Bouldin: how much each cluster overlaps with the one that is most like it (1979)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from modelwright.parts.base import Metric
from modelwright.parts.clusters import in_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.samples import Floats

MOST_ROWS = 5000  # each resample has centres of its own, so each looks at all of them


class DaviesBouldin(Metric):
    """Mean over clusters of the worst (spread + spread of the other) / distance of their centres; 0 is best.

    Rows without a cluster (-1) do not count; at most 5,000 rows are drawn, always the same ones.
    """

    kind: Literal["davies_bouldin"] = "davies_bouldin"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        chosen = in_clusters(predicted, MOST_ROWS)
        points, labels = truth[chosen], predicted[chosen]
        members = [np.flatnonzero(labels == number) for number in np.unique(labels)]
        return np.array([_one(points, members, row[chosen]) for row in weights])


def _one(points: Floats, members: list[NDArray[Any]], weights: Floats) -> float:
    import numpy as np

    centres, spreads = [], []
    for rows in members:
        own, size = weights[rows], weights[rows].sum()
        if size > 0:
            centre = own @ points[rows] / size
            centres.append(centre)
            spreads.append(own @ np.sqrt(((points[rows] - centre) ** 2).sum(axis=1)) / size)
    if len(centres) < 2:
        return float("nan")
    between = np.sqrt(((np.array(centres)[:, None] - np.array(centres)[None]) ** 2).sum(axis=2))
    np.fill_diagonal(between, np.inf)
    if not between.min() > 0:
        return float("nan")
    return float(((np.array(spreads)[:, None] + np.array(spreads)) / between).max(axis=1).mean())


PART = DaviesBouldin
