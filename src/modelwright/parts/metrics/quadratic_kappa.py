"""Agreement beyond chance on an order: far misses count by the square of their distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class QuadraticKappa(Metric):
    """Quadratically weighted kappa (Cohen, 1968): 1 is perfect, 0 as good as chance; scikit-learn's cohen_kappa_score
    with weights="quadratic".
    """

    kind: Literal["quadratic_kappa"] = "quadratic_kappa"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"ordinal"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        """1 minus observed over expected squared distance; the expectation follows from means and variances."""
        import numpy as np

        total = weights.sum(axis=1)
        observed = (weights @ (truth - predicted) ** 2) / total
        means = [(weights @ ranks) / total for ranks in (truth, predicted)]
        squares = [(weights @ ranks**2) / total for ranks in (truth, predicted)]
        expected = squares[0] + squares[1] - 2 * means[0] * means[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - observed / np.where(expected > 0, expected, np.nan)


PART = QuadraticKappa
