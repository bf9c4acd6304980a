"""Linear regression with an L2 penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import FitContext, Fitted, Model, Samples
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.base import Floats


class Ridge(Model):
    """Ridge regression (Hoerl and Kennard, 1970). Choose it as the baseline that a larger model must beat, or when few
    rows or a need to explain ask for a simple model.
    """

    kind: Literal["ridge"] = "ridge"
    alpha: float = Field(1.0, gt=0, le=1e9, description="Strength of the L2 penalty: more is simpler.")

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"alpha": {"low": 0.001, "high": 1000.0, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.linear_model import Ridge as Estimator

        with one_thread():
            estimator = Estimator(alpha=self.alpha, solver="cholesky")
            estimator.fit(learn.features, learn.target, sample_weight=learn.weights)
        size = np.abs(estimator.coef_)
        total = size.sum() or 1.0
        importance = {feature.name: float(part / total) for feature, part in zip(context.features, size, strict=True)}
        return FittedRidge(estimator.coef_, float(estimator.intercept_), importance)


@dataclass(frozen=True)
class FittedRidge:
    coefficients: Floats
    intercept: float
    importance: Mapping[str, float] | None
    notes: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()

    def predict(self, features: Floats) -> Floats:
        with one_thread():
            return features @ self.coefficients + self.intercept

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        product = graph.op("MatMul", features, self.coefficients[:, None])
        return graph.op("Squeeze", graph.op("Add", product, np.array([self.intercept])), np.array([1]))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


PART = Ridge
