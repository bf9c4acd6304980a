"""Linear regression with an L2 penalty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.linear import FittedLinear, sizes
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples


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
        importance = sizes(estimator.coef_, context.features)
        return FittedLinear(estimator.coef_[None, :], np.array([estimator.intercept_]), "identity", importance)


PART = Ridge
