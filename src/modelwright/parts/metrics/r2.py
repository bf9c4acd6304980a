"""Coefficient of determination: the share of the variance of the target that is explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class R2(Metric):
    """1 is perfect, 0 is as good as predicting the mean, below 0 is worse than that."""

    kind: Literal["r2"] = "r2"

    needs: ClassVar[Literal["value"]] = "value"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"regression", "multi_regression"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        total = weights.sum(axis=1)
        centred = truth - truth.mean()  # keeps the difference of squares below exact enough for far-off means
        mean = (weights @ centred) / total
        spread = (weights @ centred**2) / total - mean**2
        error = (weights @ (truth - predicted) ** 2) / total
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - error / np.where(spread > 0, spread, np.nan)


PART = R2
