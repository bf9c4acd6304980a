"""Uncertainty of metrics: the bootstrap, vectorised over resamples and paired where two models are compared.

Efron and Tibshirani, An Introduction to the Bootstrap (1993): percentile intervals, rows (or whole groups of rows,
where an entity repeats) drawn with replacement. Both models of a comparison see the same resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CELLS_AT_ONCE = 4_000_000  # resamples × rows held in memory: 32 MB

Score = Callable[["Floats"], "Floats"]  # weights [B, N] -> scores [B]


@dataclass(frozen=True)
class Interval:
    """A score on all rows with its percentile interval; `rows` is how many rows it stands on."""

    value: float
    low: float
    high: float
    confidence: float
    rows: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "rows": self.rows,
        }


def interval(
    score: Score,
    rows: int,
    *,
    weights: Floats | None,
    groups: NDArray[Any] | None,
    resamples: int,
    confidence: float,
    seed: int,
) -> Interval:
    """The score and its interval. A resample in which the score is undefined (one class only) is left out."""
    import numpy as np

    base = np.ones(rows) if weights is None else weights
    with one_thread():
        value = float(score(base[None, :])[0])
        drawn = np.concatenate([score(chunk * base) for chunk in resample(rows, groups, resamples, seed)])
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (float("nan"), float("nan"))
    return Interval(value, float(low), float(high), confidence, rows)


def resample(rows: int, groups: NDArray[Any] | None, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each row was drawn, [b, rows] at a time; whole groups are drawn where `groups` [rows] is given."""
    import numpy as np

    random = np.random.default_rng(seed)
    units, member = rows, None
    if groups is not None:
        unique, member = np.unique(groups, return_inverse=True)
        units = len(unique)
    at_once = max(1, CELLS_AT_ONCE // max(rows, 1))
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        drawn = random.integers(0, units, (count, units)) + np.arange(count)[:, None] * units
        times = np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units).astype(np.float64)
        yield times if member is None else times[:, member]
