"""Where the bins of a number lie."""

from __future__ import annotations

import numpy as np

from modelwright.graph.piecewise import MORE_BINS, fit_encoding


def bins_of(values: np.ndarray) -> int:
    return len(fit_encoding(["x"], [], values[:, None], 16).lower)


def test_a_number_that_is_mostly_one_value_has_bins_between_the_others() -> None:
    """As gains of capital, which few people have: what they are then says much, and quantiles don't see it."""
    random = np.random.default_rng(0)
    amounts = np.where(random.random(20_000) < 0.08, np.round(random.lognormal(8, 1, 20_000), -1), 0.0)
    assert MORE_BINS - 8 <= bins_of(amounts) <= MORE_BINS + 16
    assert bins_of(random.normal(size=20_000)) == 16
    assert bins_of(np.round(random.normal(size=20_000), 1)) <= 24, "a number of few digits"
    assert bins_of(random.integers(0, 5, 20_000).astype(float)) == 4
