"""Scores as weighted sums over stored rows of a kernel, a measure of how alike two rows are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.stored_rows import Grid
    from modelwright.parts.samples import Floats


@dataclass(frozen=True)
class Kernel:
    """rbf: exp(-rate d²); matern: (1 + s) exp(-s), s = sqrt(rate) d; poly: (rate x·y + 1)^degree. d is the distance."""

    kind: Literal["rbf", "matern", "poly"]
    rate: float
    degree: int = 1

    def between(self, rows: Floats, stored: Floats, step: float) -> Floats:
        """[N, S]; rows in whole steps."""
        import numpy as np

        from modelwright.graph.stored_rows import squared_distances

        rate = self.rate * step * step
        if self.kind == "poly":
            alike: Floats = (rows @ stored.T) * rate + 1
            return _power(alike, self.degree)
        squared = squared_distances(rows, stored)
        if self.kind == "rbf":
            return np.exp(squared * -rate)
        far = np.sqrt(squared * rate)
        return (far + 1) * np.exp(-far)

    def compile(self, graph: GraphBuilder, rows: str, stored: Floats, step: float) -> str:
        import numpy as np

        from modelwright.graph import steady
        from modelwright.graph.stored_rows import compile_products, compile_squared_distances

        rate = np.float64(self.rate * step * step)
        if self.kind == "poly":
            alike = graph.op("Add", graph.op("Mul", compile_products(graph, rows, stored), rate), np.float64(1))
            power = alike
            for _ in range(self.degree - 1):
                power = graph.op("Mul", power, alike)
            return power
        squared = compile_squared_distances(graph, rows, stored)
        if self.kind == "rbf":
            return steady.exp_matrix(graph, graph.op("Mul", squared, -rate), len(stored))
        far = graph.op("Sqrt", graph.op("Mul", squared, rate))
        powers = steady.exp_matrix(graph, graph.op("Neg", far), len(stored))
        return graph.op("Mul", graph.op("Add", far, np.float64(1)), powers)


@dataclass(frozen=True)
class KernelScores:
    """`stored` [S, F] in whole steps of `grid`, after features are multiplied by `factors` [F]; `weights` [S, k]."""

    kernel: Kernel
    grid: Grid
    factors: Floats
    stored: Floats
    weights: Floats
    intercepts: Floats

    def of(self, features: Floats) -> Floats:
        import numpy as np

        from modelwright.graph.stored_rows import PIECE

        found = np.empty((len(features), len(self.intercepts)))
        with one_thread():
            for start in range(0, len(features), PIECE):
                rows = self.grid.steps(features[start : start + PIECE] * self.factors)
                alike = self.kernel.between(rows, self.stored, self.grid.step)
                found[start : start + PIECE] = alike @ self.weights + self.intercepts
        return found

    def compile(self, graph: GraphBuilder, features: str) -> str:
        rows = self.grid.compile(graph, graph.op("Mul", features, self.factors))
        alike = self.kernel.compile(graph, rows, self.stored, self.grid.step)
        return graph.op("Add", graph.op("MatMul", alike, self.weights), self.intercepts)


def default_rate(features: Floats) -> float:
    """scikit-learn's gamma "scale": one over the features' count and variance."""
    variance = float(features.var())
    return 1 / (features.shape[1] * variance) if variance and math.isfinite(variance) else 1.0


def _power(alike: Floats, degree: int) -> Floats:
    power = alike
    for _ in range(degree - 1):
        power = power * alike
    return power
