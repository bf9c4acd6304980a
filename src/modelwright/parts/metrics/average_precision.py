"""Average precision: the area under the curve of precision over recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class AveragePrecision(Metric):
    """Mean of the precision at each positive row, from the highest score down; the share of positives is guessing.

    Choose it over `roc_auc` where positives are rare: it looks at the top of the ranking only.
    """

    kind: Literal["average_precision"] = "average_precision"

    needs: ClassVar[Literal["ranking"]] = "ranking"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "anomaly", "multilabel"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        order = np.argsort(-predicted, kind="stable")
        last = np.flatnonzero(np.diff(predicted[order], append=np.inf))  # of each group of ties
        weighted = weights[:, order]
        hits = np.cumsum(weighted * (truth[order] == 1), axis=1)[:, last]
        seen = np.cumsum(weighted, axis=1)[:, last]
        gained = np.diff(hits, axis=1, prepend=0.0)
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        total = hits[:, -1]
        return np.divide((gained * precision).sum(axis=1), total, out=np.full_like(total, np.nan), where=total > 0)


PART = AveragePrecision
