"""A linear model on piecewise-linear encoding: bends along each feature, without interactions between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.linear import FittedLinear, for_all_classes
from modelwright.parts.estimators.narrow_design import design, logistic
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.piecewise import Encoding
    from modelwright.parts.samples import Floats

MOST_CELLS = 100_000_000  # of the encoded matrix (800 MB); with more rows, numbers get fewer bins
TOLERANCE = 1e-3  # of the largest part of the gradient; the penalty has long settled what is left
SEEN_ROWS = 10_000  # of learn, evenly spread, say how far the columns vary


class PiecewiseLinear(Model):
    """Ridge or logistic regression on piecewise-linear encoding (Gorishniy, Rubachev and Babenko, NeurIPS 2022).

    Each number becomes how far it has come through each of its quantile bins, and itself, standardized and flattened
    far out; each frequent category a 0/1 column; missing values a flag. Choose it where effects bend but add up: it
    says as much as a generalized additive model, extrapolates calmly, and differs from trees, so it helps an ensemble.
    """

    kind: Literal["piecewise_linear"] = "piecewise_linear"
    bins: int = Field(16, ge=2, le=256, description="Quantile bins of each number.")
    l2: float = Field(
        5.0, gt=0, le=1e9, description="Strength of the L2 penalty: alpha of ridge regression, 1 / C of logistic."
    )
    max_iter: int = Field(100, ge=1, le=100_000, description="Most iterations of the solver, for classes.")

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "l2": {"low": 0.01, "high": 1000.0, "log": True},
        "bins": {"low": 4, "high": 64, "log": True, "type": "int"},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        from modelwright.graph.piecewise import fit_encoding

        names = [feature.name for feature in context.features]
        categories = [at for at, feature in enumerate(context.features) if feature.cardinality is not None]
        numbers = max(len(names) - len(categories), 1)
        bins = max(2, min(self.bins, MOST_CELLS // (len(learn.target) * numbers)))
        with one_thread():
            encoding = fit_encoding(names, categories, learn.features, bins)
            linear = self._classes(encoding, learn, context) if context.n_classes else self._values(encoding, learn)
            some = encoding.apply(learn.features[:: -(-len(learn.target) // SEEN_ROWS)])
        # Importance: absolute coefficients times deviations.
        sizes = abs(linear.coefficients).sum(axis=0) * some.std(axis=0)
        return FittedPiecewiseLinear(encoding, linear, encoding.by_origin(names, sizes))

    def _values(self, encoding: Encoding, learn: Samples) -> FittedLinear:
        import numpy as np
        from sklearn.linear_model import Ridge

        estimator = Ridge(alpha=self.l2, solver="cholesky")
        estimator.fit(encoding.apply(learn.features), learn.target, sample_weight=learn.weights)
        return FittedLinear(estimator.coef_[None, :], np.array([estimator.intercept_]), "identity", None)

    def _classes(self, encoding: Encoding, learn: Samples, context: FitContext) -> FittedLinear:
        fitted = logistic(design(encoding, learn.features), learn, self.l2, self.max_iter, TOLERANCE)
        coefficients, intercepts = for_all_classes(fitted, context.n_classes)
        link: Any = "logistic" if len(coefficients) == 1 else "softmax"
        return FittedLinear(coefficients, intercepts, link, None, {"solver_iterations": fitted.iterations})


@dataclass(frozen=True)
class FittedPiecewiseLinear:
    encoding: Encoding
    linear: FittedLinear
    importance: Mapping[str, float]
    curve: Sequence[Mapping[str, float]] = ()

    @property
    def notes(self) -> Mapping[str, Any]:
        return self.linear.notes

    def predict(self, features: Floats) -> Floats:
        return self.linear.predict(self.encoding.apply(features))

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return self.linear.compile(graph, self.encoding.compile(graph, features))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


PART = PiecewiseLinear
