"""Pearson's chi-squared test of homogeneity on category counts.

The default for categories. Missing is a category, and all values that the reference never had are one more. Categories
too rare for the test (expected count below 5) are pooled. The effect is the total variation distance, less what chance
alone would give: with many categories two samples of one world are never equal.
Source: Pearson (1900); Cochran, "Some Methods for Strengthening the Common chi-squared Tests", Biometrics 10 (1954).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from modelwright.parts.base import DriftResult, DriftTest

if TYPE_CHECKING:
    from modelwright.tables.profiles import ColumnCounts

FEWEST_EXPECTED = 5.0


class ChiSquared(DriftTest):
    """Effect: the share of rows that would have to change category, beyond chance (0 to 1)."""

    kind: Literal["chi2"] = "chi2"

    types: ClassVar[frozenset[str]] = frozenset({"category"})

    def compare(self, reference: ColumnCounts, current: ColumnCounts) -> DriftResult:
        import numpy as np
        from scipy.stats import chi2

        one, other = _pooled(
            *(np.array([side.missing, side.other, *side.counts], dtype=np.float64) for side in (reference, current))
        )
        if len(one) < 2:
            return DriftResult(0.0, 1.0)
        n, m = one.sum(), other.sum()
        both = (one + other) / (n + m)
        statistic = sum(((side - size * both) ** 2 / (size * both)).sum() for side, size in ((one, n), (other, m)))
        by_chance = 0.5 * np.sqrt(2 / np.pi * both * (1 - both) * (1 / n + 1 / m)).sum()
        effect = 0.5 * np.abs(one / n - other / m).sum() - by_chance
        return DriftResult(float(max(effect, 0.0)), float(chi2.sf(statistic, len(one) - 1)))


def _pooled(one: Any, other: Any) -> tuple[Any, Any]:
    import numpy as np

    expected = (one + other) * min(one.sum(), other.sum()) / (one.sum() + other.sum())
    rare = expected < FEWEST_EXPECTED
    pooled = [np.append(side[~rare], side[rare].sum()) for side in (one, other)]
    kept = (pooled[0] + pooled[1]) > 0
    return pooled[0][kept], pooled[1][kept]


PART = ChiSquared
