"""Logistic regression: log odds as a weighted sum of the features."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import FitContext, Fitted, Model, Samples
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.base import Floats


class Logistic(Model):
    """Multinomial logistic regression with an L2 penalty. Choose it as the baseline that a larger model must beat, or
    when few rows or a need to explain ask for a simple model.
    """

    kind: Literal["logistic"] = "logistic"
    C: float = Field(1.0, gt=0, le=1e6, description="Inverse of the L2 penalty: less is simpler.")
    max_iter: int = Field(500, ge=1, le=100_000, description="Most iterations of L-BFGS.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"C": {"low": 0.001, "high": 100.0, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        estimator = LogisticRegression(C=self.C, max_iter=self.max_iter, class_weight=self.class_weight)
        with warnings.catch_warnings(record=True) as caught, one_thread():
            warnings.simplefilter("always", ConvergenceWarning)
            estimator.fit(learn.features, learn.target, sample_weight=learn.weights)
        coefficients, intercepts = _for_all_classes(estimator, context.n_classes)
        notes = {
            "iterations": int(np.max(estimator.n_iter_)),
            "converged": not any(issubclass(warning.category, ConvergenceWarning) for warning in caught),
        }
        size = np.abs(coefficients).sum(axis=0)
        total = size.sum() or 1.0
        importance = {feature.name: float(part / total) for feature, part in zip(context.features, size, strict=True)}
        return FittedLogistic(coefficients, intercepts, notes, importance)


def _for_all_classes(estimator: Any, n_classes: int) -> tuple[Floats, Floats]:
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
    base = np.full(n_classes, -1e6)
    every[known], base[known] = coefficients, intercepts
    return every, base


@dataclass(frozen=True)
class FittedLogistic:
    coefficients: Floats
    intercepts: Floats
    notes: Mapping[str, Any]
    importance: Mapping[str, float] | None
    curve: Sequence[Mapping[str, float]] = ()

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        with one_thread():
            scores = features @ self.coefficients.T + self.intercepts
        if scores.shape[1] == 1:
            positive = 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
            return np.concatenate([1 - positive, positive], axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady

        scores = graph.op("Add", graph.op("MatMul", features, self.coefficients.T), self.intercepts)
        if len(self.coefficients) > 1:
            return steady.softmax(graph, scores, len(self.coefficients))
        return steady.both_classes(graph, steady.sigmoid(graph, graph.op("Squeeze", scores, np.array([1]))))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


PART = Logistic
