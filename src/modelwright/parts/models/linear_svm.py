"""The line (or plane) with the widest margin between classes, or around values."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import balanced, refuse_class_weight
from modelwright.parts.estimators.known_classes import of_all_classes
from modelwright.parts.estimators.linear import FittedLinear, sizes
from modelwright.parts.estimators.margins import FittedScores, LinearScores
from modelwright.parts.estimators.platt import held_out_sigmoids
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class LinearSVM(Model):
    """A linear support vector machine with squared hinge loss (LIBLINEAR: Fan et al., 2008; scikit-learn's LinearSVC
    and LinearSVR); several classes are told apart one against the rest.

    Choose it for texts and other wide tables where labels matter most. Its scores become probabilities by Platt scaling
    on rows that were held out; logistic regression has probabilities of its own, and takes a fraction of the time.
    """

    kind: Literal["linear_svm"] = "linear_svm"
    C: float = Field(0.1, gt=0, le=1e6, description="Cost of a row within the margin: less is simpler.")
    epsilon: float = Field(
        0.0, ge=0, le=10, description="Regression: errors up to it cost nothing, in deviations of the target."
    )
    max_iter: int = Field(1000, ge=1, le=1_000_000, description="Most iterations of the solver.")
    folds: int = Field(5, ge=2, le=20, description="Classes: folds whose held-out scores the probabilities are from.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"C": {"low": 0.0001, "high": 10.0, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        refuse_class_weight(self.class_weight, context)
        if not context.n_classes:
            return self._fit_values(learn, context)
        learn = balanced(learn, self.class_weight)  # so that the probabilities are balanced as well
        scores, notes = self._fit_classes(learn, context.seed)
        sigmoids = held_out_sigmoids(
            lambda samples, features: self._fit_classes(samples, context.seed)[0].of(features),
            learn,
            self.folds,
            context.seed,
        )
        importance = sizes(np.atleast_2d(scores.coefficients), context.features)
        return of_all_classes(FittedScores(scores, sigmoids, notes, importance), learn.target, context.n_classes)

    def _fit_classes(self, learn: Samples, seed: int) -> tuple[LinearScores, dict[str, Any]]:
        from sklearn.svm import LinearSVC

        estimator = LinearSVC(C=self.C, dual=False, max_iter=self.max_iter, random_state=seed)
        notes = _fit(estimator, learn, learn.target)
        return LinearScores(estimator.coef_, estimator.intercept_), notes

    def _fit_values(self, learn: Samples, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.svm import LinearSVR

        mean, spread = float(np.mean(learn.target)), float(np.std(learn.target))
        estimator = LinearSVR(
            C=self.C,
            epsilon=self.epsilon,
            loss="squared_epsilon_insensitive",
            dual=False,
            max_iter=self.max_iter,
            random_state=context.seed,
        )
        notes = _fit(estimator, learn, (learn.target - mean) / spread)
        coefficients = np.atleast_2d(estimator.coef_) * spread
        intercepts = np.atleast_1d(estimator.intercept_) * spread + mean
        return FittedLinear(coefficients, intercepts, "identity", sizes(coefficients, context.features), notes)


def _fit(estimator: Any, learn: Samples, target: Floats) -> dict[str, Any]:
    import numpy as np
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught, one_thread():
        warnings.simplefilter("always", ConvergenceWarning)
        estimator.fit(learn.features, target, sample_weight=learn.weights)
    converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return {"iterations": int(np.max(estimator.n_iter_)), "converged": converged}


PART = LinearSVM
