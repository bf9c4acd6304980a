"""How much each column alone tells of the target, and how it does so: for people to look at before any model is fitted.

`explained` is the share of the target's variance that is between the bins of the column: the correlation ratio, eta
squared, for numbers; for classes, coded 0/1 each, the same is Goodman and Kruskal's tau. Both are corrected for the
number of bins as R squared is for the number of terms (Kelley's epsilon squared, 1935), so that noise gives 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from modelwright.core.columns import Column

BINS = 20
FENCE = 1.5  # interquartile ranges beyond the quartiles: Tukey's rule, 1977
FEWEST = 4  # rows that say anything
MISSING, OTHER = "(missing)", "(other)"


@dataclass(frozen=True)
class Binned:
    """`places[i]` is the bin of row i; `labels` names the bins, `middles` are the medians of those of numbers."""

    places: NDArray[np.int64]
    labels: tuple[str, ...]
    middles: tuple[float | None, ...] | None


@dataclass(frozen=True)
class Relation:
    """`explained` in 0..1, None where it can't be said; the curve has one entry for each bin that has rows."""

    explained: float | None
    curve: tuple[dict[str, Any], ...]


def relation(column: Column, values: pa.ChunkedArray, target: NDArray[np.float64]) -> Relation:
    """`target` is [N, K]: one column of numbers, or one of 0 and 1 for each class."""
    known = ~np.isnan(target).any(axis=1)
    binned = bins(column, values)
    if binned is None or known.sum() < FEWEST:
        return Relation(None, ())
    places, target = binned.places[known], target[known]
    sizes = np.bincount(places, minlength=len(binned.labels)).astype(np.float64)
    used = np.flatnonzero(sizes)
    centred = target - target.mean(axis=0)
    sums = np.stack([np.bincount(places, one, minlength=len(sizes)) for one in centred.T], axis=1)
    total = float((centred**2).sum())
    if total <= 0 or len(used) < 2 or len(places) <= len(used):
        return Relation(None, ())
    between = float((sums[used] ** 2 / sizes[used, None]).sum()) / total
    corrected = 1 - (1 - between) * (len(places) - 1) / (len(places) - len(used))
    means = target.mean(axis=0) + sums[used] / sizes[used, None]
    curve = tuple(
        {
            "label": binned.labels[at],
            "middle": None if binned.middles is None else binned.middles[at],
            "rows": int(sizes[at]),
            "target": [float(value) for value in means[place]],
        }
        for place, at in enumerate(used)
    )
    return Relation(max(corrected, 0.0), curve)


def outliers(column: Column, values: pa.ChunkedArray) -> float | None:
    """The share of values beyond Tukey's fences; None for what is no number, or is mostly one value."""
    if column.type not in ("number", "integer"):
        return None
    numbers = _numbers(values)
    numbers = numbers[~np.isnan(numbers)]
    if len(numbers) < FEWEST:
        return None
    low, high = np.quantile(numbers, [0.25, 0.75])
    if high <= low:
        return None
    reach = FENCE * (high - low)
    return float(((numbers < low - reach) | (numbers > high + reach)).mean())


def bins(column: Column, values: pa.ChunkedArray) -> Binned | None:
    """Numbers and times by quantiles, categories by value; None for text, which has neither."""
    if column.type in ("number", "integer", "timestamp"):
        return _number_bins(values)
    if column.type in ("category", "boolean"):
        return _category_bins(values)
    return None


def _number_bins(values: pa.ChunkedArray) -> Binned | None:
    numbers = _numbers(values)
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return None
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"))
    places = np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="left"))
    middles = [
        float(np.median(numbers[places == at])) if (places == at).any() else None for at in range(len(edges) + 1)
    ]
    labels = ["" if middle is None else f"{middle:g}" for middle in middles]
    return Binned(places, (*labels, MISSING), (*middles, None))


def _category_bins(values: pa.ChunkedArray) -> Binned:
    texts = values.cast(pa.string())
    counts = pc.value_counts(texts.drop_null()).to_pylist()
    frequent = sorted(counts, key=lambda entry: (-entry["counts"], entry["values"]))[:BINS]
    names = [str(entry["values"]) for entry in frequent]
    found = pc.index_in(texts, value_set=pa.array(names, pa.string())).combine_chunks()
    places = np.where(texts.is_null(), len(names) + 1, np.asarray(found.fill_null(len(names))))
    return Binned(places.astype(np.int64), (*names, OTHER, MISSING), None)


def _numbers(values: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_timestamp(values.type):
        values = pc.divide(values.cast(pa.int64()).cast(pa.float64()), 1e6)
    numbers: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy()
    return numbers
