"""Measures how far apart two computations are: a graph and a native model, or two batch sizes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.running import Scorer

BATCH_SIZES = (1, 7, 64)


def difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    """The largest absolute difference; 0 where both are NaN, infinite where only one is or shapes differ."""
    if first.shape != second.shape:
        return float("inf")
    if not first.size:
        return 0.0
    if first.dtype.kind not in "fc":
        return 0.0 if (first == second).all() else float("inf")
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(first - second))
    return float(np.where(np.isnan(gap), np.inf, gap).max())


def over_batch_sizes(
    scorer: Scorer,
    feed: Mapping[str, NDArray[Any]],
    sizes: tuple[int, ...] = BATCH_SIZES,
    *,
    most_rows: int | None = None,
) -> dict[str, dict[str, float]]:
    """For each batch size and output: the largest difference to scoring all rows at once.

    With `most_rows`, over about so many of them, in batches that are spread over all.
    """
    rows = len(next(iter(feed.values())))
    whole = scorer.run(feed)
    found: dict[str, dict[str, float]] = {}
    for size in sizes:
        starts = range(0, rows, size * max(1, rows // max(most_rows or rows, size, 1)))
        parts = [scorer.run({name: values[start : start + size] for name, values in feed.items()}) for start in starts]
        seen = np.concatenate([np.arange(start, min(start + size, rows)) for start in starts])
        found[str(size)] = {
            name: difference(np.concatenate([part[name] for part in parts]), values[seen])
            for name, values in whole.items()
        }
    return found
