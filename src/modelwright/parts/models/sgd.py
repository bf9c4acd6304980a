"""Linear models fitted row by row: for more rows than other solvers take."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import balanced, refuse_class_weight
from modelwright.parts.estimators.kept_numbers import KeptNumbers, kept_numbers
from modelwright.parts.estimators.known_classes import of_all_classes, other_classes
from modelwright.parts.estimators.linear import FittedLinear, sizes
from modelwright.parts.estimators.margins import FittedScores, LinearScores
from modelwright.parts.estimators.platt import held_out_sigmoids, plain_sigmoids
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

LONGEST_STEP = 0.05  # of a row of length 1
START = "train.warm_start"
OF_CLASSES, OF_VALUES = ("log_loss", "hinge"), ("squared_error", "huber")


class SGD(Model):
    """A linear model by averaged stochastic gradient descent (Bottou, 2010; SGDClassifier, SGDRegressor).

    Choose it for millions of rows or very many columns. `log_loss` is logistic regression, one class against the rest;
    `hinge` a support vector machine, whose probabilities are Platt scaled on held-out rows; `huber` a linear regression
    that large errors do not pull. On fewer rows `logistic` and `ridge` find the optimum that it only comes close to.
    """

    kind: Literal["sgd"] = "sgd"
    loss: Literal["log_loss", "hinge", "squared_error", "huber"] | None = Field(
        None, description="log_loss or hinge of classes, squared_error or huber of values; default: the first."
    )
    alpha: float = Field(1e-4, gt=0, le=1e3, description="Strength of the penalty: more is simpler.")
    l1_ratio: float = Field(0.0, ge=0, le=1, description="Share of L1 in the penalty: 0 is L2, 1 the lasso.")
    epsilon: float = Field(0.5, gt=0, le=100, description="huber: errors beyond it are large, in target deviations.")
    epochs: int = Field(50, ge=1, le=10_000, description="Most passes over the rows.")
    folds: int = Field(5, ge=2, le=20, description="hinge: folds whose held-out scores the probabilities are from.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    continues: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {
        "alpha": {"low": 1e-6, "high": 0.1, "log": True},
        "l1_ratio": {"low": 0.0, "high": 1.0},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        refuse_class_weight(self.class_weight, context)
        losses = OF_CLASSES if context.n_classes else OF_VALUES
        loss = self.loss or losses[0]
        if loss not in losses:
            raise SpecError(
                f"loss: {loss} is not for {context.task}; {' and '.join(losses)} are", where="train.model.loss"
            )
        earlier = None if context.start is None else kept_numbers(context.start)
        if not context.n_classes:
            return self._fit_values(learn, context, loss, earlier)
        if context.start is not None and loss == "hinge":
            raise SpecError(
                "loss: hinge holds rows out of each fit, and an earlier one may have seen them", where=START
            )
        if earlier is not None and context.start is not None and set(earlier["codes"]) != set(learn.target):
            raise other_classes(context.start)
        learn = balanced(learn, self.class_weight)  # so that the probabilities are balanced as well
        scores, notes = self._fit_classes(learn, context.seed, loss, earlier)
        if loss == "hinge":
            sigmoids = held_out_sigmoids(
                lambda samples, features: self._fit_classes(samples, context.seed, loss)[0].of(features),
                learn,
                self.folds,
                context.seed,
            )
        else:
            sigmoids = plain_sigmoids(len(scores.intercepts))
        importance = sizes(scores.coefficients, context.features)
        fitted = FittedScores(scores, sigmoids, notes, importance)
        kept = {"coef": scores.coefficients, "intercept": scores.intercepts, "codes": np.unique(learn.target)}
        return of_all_classes(KeptNumbers(fitted, kept), learn.target, context.n_classes)

    def _fit_classes(
        self, learn: Samples, seed: int, loss: str, earlier: Mapping[str, Floats] | None = None
    ) -> tuple[LinearScores, dict[str, Any]]:
        from sklearn.linear_model import SGDClassifier

        estimator = SGDClassifier(loss=loss, n_jobs=1, **self._settings(learn, seed))
        notes = _fit(estimator, learn, learn.target, earlier)
        return LinearScores(estimator.coef_, estimator.intercept_), notes

    def _fit_values(
        self, learn: Samples, context: FitContext, loss: str, earlier: Mapping[str, Floats] | None
    ) -> Fitted:
        import numpy as np
        from sklearn.linear_model import SGDRegressor

        mean, spread = float(np.mean(learn.target)), float(np.std(learn.target))
        estimator = SGDRegressor(loss=loss, epsilon=self.epsilon, **self._settings(learn, context.seed))
        if earlier is not None:
            earlier = {"coef": earlier["coef"] / spread, "intercept": (earlier["intercept"] - mean) / spread}
        notes = _fit(estimator, learn, (learn.target - mean) / spread, earlier)
        coefficients, intercepts = estimator.coef_[None, :] * spread, estimator.intercept_ * spread + mean
        fitted = FittedLinear(coefficients, intercepts, "identity", sizes(coefficients, context.features), notes)
        return KeptNumbers(fitted, {"coef": coefficients, "intercept": intercepts})

    def _settings(self, learn: Samples, seed: int) -> dict[str, Any]:
        """Steps as long as the rows allow, shorter whenever they lead nowhere; averaged from the second epoch on."""
        import numpy as np

        size = float(np.mean(np.sum(learn.features**2, axis=1))) or 1.0
        return {
            "learning_rate": "adaptive",
            "eta0": min(LONGEST_STEP, 0.5 / size),
            "penalty": "elasticnet" if self.l1_ratio else "l2",
            "alpha": self.alpha,
            "l1_ratio": self.l1_ratio,
            "max_iter": self.epochs,
            "average": len(learn.target),
            "random_state": seed,
        }


def _fit(estimator: Any, learn: Samples, target: Floats, earlier: Mapping[str, Floats] | None = None) -> dict[str, Any]:
    """From the coefficients of an earlier fit, if there are some."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught, one_thread():
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            weights = None if learn.weights is None else learn.weights / learn.weights.mean()  # steps grow with them
            start = {} if earlier is None else {f"{name}_init": earlier[name] for name in ("coef", "intercept")}
            estimator.fit(learn.features, target, sample_weight=weights, **start)
        except ValueError as error:
            if "overflow" not in str(error):
                raise
            raise DataError(
                "sgd: the steps ran away from the optimum",
                where="train.model",
                hint="bound far values with {kind: winsorize}, or raise alpha",
            ) from error
    converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return {"iterations": int(estimator.n_iter_), "converged": converged}


PART = SGD
