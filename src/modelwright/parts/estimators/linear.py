"""What linear models share: scores as one matrix product, probabilities from them, importance by coefficient size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import Feature

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

Link = Literal["identity", "logistic", "softmax", "exp"]
NEVER = -1e6  # the score of a class that learn did not have
FURTHEST = 700.0  # exponents beyond it leave float64


@dataclass(frozen=True)
class FittedLinear:
    """`coefficients` [K, F] and `intercepts` [K]; K is 1 for values and for the second of two classes."""

    coefficients: Floats
    intercepts: Floats
    link: Link
    importance: Mapping[str, float] | None
    notes: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        with one_thread():
            scores = features @ self.coefficients.T + self.intercepts
        if self.link == "identity":
            return scores[:, 0]
        if self.link == "exp":
            return np.exp(np.clip(scores[:, 0], -FURTHEST, FURTHEST))
        if self.link == "logistic":
            positive = 1 / (1 + np.exp(-np.clip(scores, -FURTHEST, FURTHEST)))
            return np.concatenate([1 - positive, positive], axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady

        scores = graph.op("Add", graph.op("MatMul", features, self.coefficients.T), self.intercepts)
        if self.link == "softmax":
            return steady.softmax(graph, scores, len(self.coefficients))
        column = graph.op("Squeeze", scores, np.array([1]))
        if self.link == "identity":
            return column
        if self.link == "exp":
            return steady.exp(graph, graph.op("Clip", column, np.float64(-FURTHEST), np.float64(FURTHEST)))
        return steady.both_classes(graph, steady.sigmoid(graph, column))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


def sizes(coefficients: Floats, features: Sequence[Feature]) -> dict[str, float]:
    """Importance: the share of each feature in the sum of absolute coefficients."""
    import numpy as np

    size = np.abs(np.atleast_2d(coefficients)).sum(axis=0)
    total = size.sum() or 1.0
    return {feature.name: float(part / total) for feature, part in zip(features, size, strict=True)}


def for_all_classes(estimator: Any, n_classes: int) -> tuple[Floats, Floats]:
    """Coefficients [K, F] (two classes: [1, F]) and intercepts; a class that learn did not have gets no probability."""
    import numpy as np

    coefficients, intercepts = estimator.coef_, estimator.intercept_
    if n_classes == 2:
        return coefficients, intercepts
    if len(estimator.classes_) == 2:  # of more: log odds of the second against the first
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros(1), intercepts])
    known = estimator.classes_.astype(np.int64)
    every = np.zeros((n_classes, coefficients.shape[1]))
    base = np.full(n_classes, NEVER)
    every[known], base[known] = coefficients, intercepts
    return every, base
