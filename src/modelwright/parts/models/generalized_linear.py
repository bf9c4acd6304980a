"""Regression of counts and positive amounts, on a logarithmic scale."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.linear import FittedLinear, sizes
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

POWERS = {"poisson": 1.0, "gamma": 2.0, "tweedie": 1.5}


class GeneralizedLinear(Model):
    """A generalized linear model with a logarithmic link (Nelder and Wedderburn, 1972): effects multiply.

    `poisson` for counts, `gamma` for amounts whose spread grows with their size, `tweedie` for amounts that are
    often exactly 0, such as claims. Predictions are always positive.
    """

    kind: Literal["generalized_linear"] = "generalized_linear"
    family: Literal["poisson", "gamma", "tweedie"] = Field("poisson", description="How the target is spread.")
    alpha: float = Field(0.01, ge=0, le=1e6, description="Strength of the L2 penalty: more is simpler.")
    max_iter: int = Field(500, ge=1, le=100_000, description="Most iterations of L-BFGS.")

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"alpha": {"low": 0.0001, "high": 10.0, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import TweedieRegressor

        least = float(learn.target.min())
        if least < 0 or (least == 0 and self.family == "gamma"):
            wanted = "above 0" if self.family == "gamma" else "0 or more"
            raise DataError(
                f"family: {self.family} is for a target {wanted}; learn has {least:g}",
                where="train.model.family",
                hint="use family: tweedie where 0 occurs, or another model",
            )
        estimator = TweedieRegressor(power=POWERS[self.family], alpha=self.alpha, link="log", max_iter=self.max_iter)
        with warnings.catch_warnings(record=True) as caught, one_thread():
            warnings.simplefilter("always", ConvergenceWarning)
            estimator.fit(learn.features, learn.target, sample_weight=learn.weights)
        notes = {
            "iterations": int(estimator.n_iter_),
            "converged": not any(issubclass(warning.category, ConvergenceWarning) for warning in caught),
        }
        importance = sizes(estimator.coef_, context.features)
        intercepts = np.array([estimator.intercept_])
        return FittedLinear(estimator.coef_[None, :], intercepts, "exp", importance, notes)


PART = GeneralizedLinear
