"""How much of what rows differ by their components keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class ExplainedVariance(Metric):
    """Share of the variance of all features, as the model sees them, that is left in the reconstruction; 1 keeps all.

    1 - sum of squared errors / sum of squared distances to the mean of the scored rows.
    """

    kind: Literal["explained_variance"] = "explained_variance"

    needs: ClassVar[Literal["value"]] = "value"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"dimension_reduction"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        centred = truth - truth.mean(axis=0)
        total = weights.sum(axis=1)
        spread = weights @ (centred**2).sum(axis=1) - ((weights @ centred) ** 2).sum(axis=1) / total
        return 1 - np.divide(weights @ predicted, spread, out=np.full_like(spread, np.nan), where=spread > 0)


PART = ExplainedVariance
