"""Linear regression whose penalty sets useless coefficients to 0."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.linear import FittedLinear, sizes
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples


class ElasticNet(Model):
    """Elastic net (Zou and Hastie, 2005): an L1 and an L2 penalty together; `l1_ratio: 1` is the lasso.

    Choose it over ridge when only some of many features matter, and knowing which ones is worth something.
    """

    kind: Literal["elastic_net"] = "elastic_net"
    alpha: float = Field(0.1, gt=0, le=1e6, description="Strength of the penalty, as share of the target's deviation.")
    l1_ratio: float = Field(0.5, ge=0.01, le=1, description="Share of L1 in the penalty; 1 is the lasso.")
    max_iter: int = Field(2000, ge=1, le=1_000_000, description="Most rounds of coordinate descent.")

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "alpha": {"low": 0.0001, "high": 1.0, "log": True},
        "l1_ratio": {"low": 0.05, "high": 1.0},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import ElasticNet as Estimator

        spread = float(np.std(learn.target))
        estimator = Estimator(alpha=self.alpha, l1_ratio=self.l1_ratio, max_iter=self.max_iter)
        with warnings.catch_warnings(record=True) as caught, one_thread():
            warnings.simplefilter("always", ConvergenceWarning)
            estimator.fit(learn.features, learn.target / spread, sample_weight=learn.weights)
        coefficients = estimator.coef_ * spread
        notes = {
            "iterations": int(estimator.n_iter_),
            "converged": not any(issubclass(warning.category, ConvergenceWarning) for warning in caught),
            "used_features": int(np.count_nonzero(coefficients)),
        }
        importance = sizes(coefficients, context.features)
        intercepts = np.array([estimator.intercept_ * spread])
        return FittedLinear(coefficients[None, :], intercepts, "identity", importance, notes)


PART = ElasticNet
