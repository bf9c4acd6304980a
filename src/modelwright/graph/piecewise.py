"""Piecewise-linear encoding of tables, so that a linear model bends: fitted here, applied in numpy and in the graph.

Gorishniy, Rubachev and Babenko, On Embeddings for Numerical Features in Tabular Deep Learning (NeurIPS 2022): a number
becomes how far it has come through each of its quantile bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.builder import NUMBER

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

    Floats = NDArray[np.float64]

MOST_CODES, MANY_CODES = 500, 100  # 0/1 columns for one category; the second where there are many rows
CODE_CELLS = 50_000_000  # of all 0/1 columns, from where on rows are many
FEW_VALUES = 25  # a number with at most so many distinct values has its bins between them
MORE_BINS = 128  # of the distinct values of a number that is mostly one value, as money that few have
BEND = 3.0  # deviations at which a standardized number begins to flatten; it never exceeds this
FURTHEST = 1e100  # beyond it, squares leave float64


@dataclass(frozen=True, eq=False)
class Encoding:
    """Columns in this order: bins, standardized numbers, flags of missing values, codes.

    `origins` names the raw feature of each.
    """

    numbers: NDArray[np.int64]  # [n] places of the numbers among the features
    fill: Floats  # [n] medians
    mean: Floats  # [n]
    spread: Floats  # [n]
    binned: NDArray[np.int64]  # [b] which number each bin is of
    lower: Floats  # [b]
    width: Floats  # [b]
    flagged: NDArray[np.int64]  # [m] features whose missing values have a column
    coded: NDArray[np.int64]  # [c] features of which one code has a column
    codes: Floats  # [c]
    origins: tuple[str, ...]

    def apply(self, features: Floats) -> Floats:
        filled = self.filled(features)
        progress = np.clip((filled[:, self.binned] - self.lower) / self.width, 0.0, 1.0) * 2 - 1
        flags = np.isnan(features[:, self.flagged]).astype(np.float64)
        codes = (features[:, self.coded] == self.codes).astype(np.float64)
        return np.concatenate([progress, self.bent(filled), flags, codes], axis=1)

    def filled(self, features: Floats) -> Floats:
        """[N, n] numbers, the median where one is missing."""
        numbers = features[:, self.numbers]
        return np.where(np.isnan(numbers), self.fill, numbers)

    def bent(self, filled: Floats) -> Floats:
        """[N, n] standardized numbers, flattened far out."""
        standard = (np.clip(filled, -FURTHEST, FURTHEST) - self.mean) / self.spread
        flattened: Floats = standard / np.sqrt(1 + (standard / BEND) ** 2)
        return flattened

    def by_origin(self, names: Sequence[str], sizes: Floats) -> dict[str, float]:
        """The share of each raw feature's columns in the sum of `sizes` [columns]; 0 for features without any."""
        total = float(sizes.sum()) or 1.0
        shares = dict.fromkeys(names, 0.0)
        for origin, size in zip(self.origins, sizes, strict=True):
            shares[origin] += float(size) / total
        return shares

    def compile(self, graph: GraphBuilder, features: str) -> str:
        """The encoded tensor [N, columns]."""
        blocks = []
        if len(self.numbers):
            numbers = graph.op("Gather", features, self.numbers, axis=1)
            filled = graph.op("Where", graph.op("IsNaN", numbers), self.fill, numbers)
            if len(self.binned):
                blocks.append(self._compile_bins(graph, filled))
            blocks.append(self._compile_bent(graph, filled))
        if len(self.flagged):
            absent = graph.op("IsNaN", graph.op("Gather", features, self.flagged, axis=1))
            blocks.append(_as_numbers(graph, absent))
        if len(self.coded):
            repeated = graph.op("Gather", features, self.coded, axis=1)
            blocks.append(_as_numbers(graph, graph.op("Equal", repeated, self.codes[None, :])))
        return graph.op("Concat", *blocks, axis=1)

    def _compile_bins(self, graph: GraphBuilder, filled: str) -> str:
        repeated = graph.op("Gather", filled, self.binned, axis=1)
        progress = graph.op("Div", graph.op("Sub", repeated, self.lower), self.width)
        bounded = graph.op("Clip", progress, np.float64(0), np.float64(1))
        return graph.op("Sub", graph.op("Mul", bounded, np.float64(2)), np.float64(1))

    def _compile_bent(self, graph: GraphBuilder, filled: str) -> str:
        bounded = graph.op("Clip", filled, np.float64(-FURTHEST), np.float64(FURTHEST))
        standard = graph.op("Div", graph.op("Sub", bounded, self.mean), self.spread)
        ratio = graph.op("Div", standard, np.float64(BEND))
        root = graph.op("Sqrt", graph.op("Add", graph.op("Mul", ratio, ratio), np.float64(1)))
        return graph.op("Div", standard, root)


def fit_encoding(names: Sequence[str], categories: Sequence[int], matrix: Floats, bins: int) -> Encoding:
    """From learn's raw features [N, F], NaN for missing; `categories` are the places of those that are codes."""
    numbers = np.array([at for at in range(len(names)) if at not in set(categories)], np.int64)
    absent = np.isnan(matrix)
    flagged = np.flatnonzero(absent.any(axis=0) & ~absent.all(axis=0))
    fill, mean, spread = (np.zeros(len(numbers)) for _ in range(3))
    binned: list[int] = []
    lower: list[float] = []
    upper: list[float] = []
    for place, at in enumerate(numbers):
        known = matrix[~absent[:, at], at]
        if not len(known):
            spread[place] = 1.0
            continue
        fill[place], mean[place], deviation = np.median(known), known.mean(), known.std()
        spread[place] = deviation if deviation > 1e-12 * abs(mean[place]) else 1.0
        edges = _edges(known, bins)
        if len(edges) > 2:  # one bin alone is what the standardized number says already
            binned += [place] * (len(edges) - 1)
            lower += edges[:-1].tolist()
            upper += edges[1:].tolist()
    coded, codes = _frequent_codes(categories, matrix)
    places = [*numbers[np.array(binned, np.int64)], *numbers, *flagged, *coded]
    origins = tuple(names[at] for at in places)
    low, high = np.array(lower, np.float64), np.array(upper, np.float64)
    return Encoding(
        numbers, fill, mean, spread, np.array(binned, np.int64), low, high - low, flagged, coded, codes, origins
    )


def _edges(known: Floats, bins: int) -> Floats:
    """Quantiles; where few values repeat often, quantiles of the distinct values as well."""
    distinct = np.unique(known)
    if len(distinct) <= FEW_VALUES:
        return distinct if len(distinct) <= bins + 1 else np.unique(np.quantile(distinct, np.linspace(0, 1, bins + 1)))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)))
    if len(edges) < bins - 1:
        more = MORE_BINS if len(edges) < bins / 2 else bins // 2
        edges = np.unique(np.concatenate([edges, np.quantile(distinct, np.linspace(0, 1, more + 1))]))
    apart: Floats = edges[np.concatenate([[True], np.diff(edges) > 1e-9 * np.ptp(edges)])]
    return apart


def _frequent_codes(categories: Sequence[int], matrix: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Of each category those that most rows have; all others are zeros in every column."""
    most = min(MOST_CODES, max(MANY_CODES, CODE_CELLS // max(len(matrix) * len(categories), 1)))
    coded: list[int] = []
    codes: list[float] = []
    for at in categories:
        found, counts = np.unique(matrix[~np.isnan(matrix[:, at]), at], return_counts=True)
        frequent = np.sort(found[np.argsort(-counts, kind="stable")][:most])
        coded += [at] * len(frequent)
        codes += frequent.tolist()
    return np.array(coded, np.int64), np.array(codes, np.float64)


def _as_numbers(graph: GraphBuilder, truth: str) -> str:
    return graph.cast(truth, NUMBER)
