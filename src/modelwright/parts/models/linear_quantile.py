"""Linear quantile regression: a weighted sum of the features that a stated share of rows stays below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.estimators.linear import FittedLinear, sizes
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples


class LinearQuantile(Model):
    """Linear quantile regression with an L1 penalty (Koenker and Bassett, 1978; scikit-learn's QuantileRegressor).

    Choose it as the baseline of quantiles, or, at the median, as a linear model that far values do not pull. It is
    solved as a linear program, whose time grows faster than the rows: of more than `max_rows` it sees a sample.
    """

    kind: Literal["linear_quantile"] = "linear_quantile"
    quantile: float = Field(0.5, gt=0, lt=1, description="Which one; of task quantile, each of its own.")
    alpha: float = Field(1e-3, ge=0, le=1e4, description="Strength of the penalty: more is simpler.")
    max_rows: int = Field(5_000, ge=100, le=1_000_000, description="Most rows to fit on; of more, a sample is drawn.")

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"alpha": {"low": 1e-6, "high": 1.0, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.linear_model import QuantileRegressor

        samples, _ = bounded_rows(learn, self.max_rows, 0, context.seed)
        middle, spread = float(np.median(samples.target)), float(np.std(samples.target)) or 1.0
        estimator = QuantileRegressor(quantile=self.quantile, alpha=self.alpha, solver="highs")
        with one_thread():
            try:
                estimator.fit(samples.features, (samples.target - middle) / spread, sample_weight=samples.weights)
            except ValueError as error:
                raise DataError(f"linear_quantile: {error}", where="train.model") from error
        coefficients = estimator.coef_[None, :] * spread
        intercepts = np.array([estimator.intercept_ * spread + middle])
        notes = {"rows": len(samples.target)}
        return FittedLinear(coefficients, intercepts, "identity", sizes(coefficients, context.features), notes)


PART = LinearQuantile
