"""Kolmogorov-Smirnov on the reference's quantile bins: the largest gap between two distributions.

The default for numbers: sensitive to any change of a distribution, unmoved by outliers and units. Missing values
count as a value below all others, so that a column that goes missing drifts. Binning makes the test conservative.
Source: Massey, "The Kolmogorov-Smirnov Test for Goodness of Fit", JASA 46 (1951).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import DriftResult, DriftTest

if TYPE_CHECKING:
    from modelwright.tables.profiles import ColumnCounts

TERMS = 100  # of the limiting distribution's series; it has converged long before


class KolmogorovSmirnov(DriftTest):
    """Effect: D, the largest difference between the two cumulative shares (0 to 1)."""

    kind: Literal["ks"] = "ks"

    types: ClassVar[frozenset[str]] = frozenset({"number", "integer", "boolean"})

    def compare(self, reference: ColumnCounts, current: ColumnCounts) -> DriftResult:
        import numpy as np

        shares = [np.cumsum([side.missing, *side.counts]) / side.rows for side in (reference, current)]
        effect = float(np.abs(shares[0] - shares[1]).max())
        size = reference.rows * current.rows / (reference.rows + current.rows)
        return DriftResult(effect, _survival(effect * size**0.5))


def _survival(x: float) -> float:
    """Probability that the Kolmogorov distribution exceeds x."""
    import numpy as np

    if x < 0.2:  # the series needs many terms there, and the answer is 1 to 12 digits
        return 1.0
    k = np.arange(1, TERMS + 1)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * k**2 * x**2)), 0, 1))


PART = KolmogorovSmirnov
