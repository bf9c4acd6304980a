"""Area under the ROC curve: how well rows are ranked, whatever the threshold (Fawcett 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class RocAuc(Metric):
    """Chance that a positive row is ranked above a negative one; several classes: macro mean of one against rest."""

    kind: Literal["roc_auc"] = "roc_auc"

    needs: ClassVar[Literal["probability"]] = "probability"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "multilabel"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        classes = predicted.shape[1]
        if classes == 2:
            return _area(truth == 1, predicted[:, 1], weights)
        return np.mean([_area(truth == code, predicted[:, code], weights) for code in range(classes)], axis=0)


def _area(positive: Floats, ranking: Floats, weights: Floats) -> Floats:
    """Weighted Mann-Whitney statistic, ties counted half; NaN where a class has no weight."""
    import numpy as np

    order = np.argsort(ranking, kind="stable")
    starts = np.flatnonzero(np.diff(ranking[order], prepend=-np.inf))  # first row of each group of ties
    weighted, hits = weights[:, order], positive[order]
    above = np.add.reduceat(np.where(hits, weighted, 0.0), starts, axis=1)
    below = np.add.reduceat(np.where(hits, 0.0, weighted), starts, axis=1)
    lower = np.cumsum(below, axis=1) - below / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (above * lower).sum(axis=1) / (above.sum(axis=1) * below.sum(axis=1))


PART = RocAuc
