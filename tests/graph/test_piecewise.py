"""Where the bins of a number lie."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.graph import piecewise
from modelwright.graph.piecewise import MANY_CODES, MORE_BINS, MOST_CODES, fit_encoding


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


def codes_of(codes: np.ndarray) -> list[float]:
    found: list[float] = fit_encoding(["x"], [0], codes[:, None].astype(float), 16).codes.tolist()
    return found


def test_the_most_frequent_codes_have_a_column_fewer_where_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = np.concatenate([np.arange(600), np.arange(100, 600), np.arange(550, 600)])
    assert codes_of(codes) == list(range(100, 600)) and MOST_CODES == 500
    monkeypatch.setattr(piecewise, "CODE_CELLS", 10_000)
    assert len(codes_of(codes)) == MANY_CODES and codes_of(codes)[-50:] == list(range(550, 600))
