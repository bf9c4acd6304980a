"""Logistic regression: log odds as a weighted sum of the features."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.linear import FittedLinear, for_all_classes, sizes
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples


class Logistic(Model):
    """Multinomial logistic regression. Choose it as the baseline that a larger model must beat, or when few rows or a
    need to explain ask for a simple model.

    The penalty is L2 unless `l1_ratio` mixes in L1, which sets useless coefficients to 0 (elastic net: Zou and Hastie,
    2005); that takes longer.
    """

    kind: Literal["logistic"] = "logistic"
    C: float = Field(1.0, gt=0, le=1e6, description="Inverse of the penalty: less is simpler.")
    l1_ratio: float = Field(0.0, ge=0, le=1, description="Share of L1 in the penalty: 0 is L2, 1 the lasso.")
    max_iter: int = Field(500, ge=1, le=100_000, description="Most iterations of the solver.")
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

        estimator = LogisticRegression(
            C=self.C,
            l1_ratio=self.l1_ratio,
            solver="saga" if self.l1_ratio else "lbfgs",
            max_iter=self.max_iter,
            class_weight=self.class_weight,
            random_state=context.seed,
        )
        with warnings.catch_warnings(record=True) as caught, one_thread():
            warnings.simplefilter("always", ConvergenceWarning)
            estimator.fit(learn.features, learn.target, sample_weight=learn.weights)
        coefficients, intercepts = for_all_classes(estimator, context.n_classes)
        notes = {
            "iterations": int(np.max(estimator.n_iter_)),
            "converged": not any(issubclass(warning.category, ConvergenceWarning) for warning in caught),
        }
        link: Any = "logistic" if len(coefficients) == 1 else "softmax"
        return FittedLinear(coefficients, intercepts, link, sizes(coefficients, context.features), notes)


PART = Logistic
