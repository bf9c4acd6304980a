"""scikit-learn's gradient boosted trees on histograms."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import log_linked, refuse_objective
from modelwright.parts.estimators.monotone import Direction, refuse_with, signs
from modelwright.parts.estimators.objectives import OBJECTIVE_TEXT, Aim, Objective, Watch, aim, watch
from modelwright.parts.estimators.tree_models import (
    Problem,
    best_of,
    fitted_trees,
    problem,
    stopped_trees,
    summed_gains,
)
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.trees import Tree
    from modelwright.parts.samples import Floats

MOST_CODES = 254  # of a category; rarer codes are missing to it
OBJECTIVES = ("squared_error", "absolute_error", "quantile", "poisson", "gamma")


class HistGradientBoosting(Model):
    """Histogram-based gradient boosting (scikit-learn's HistGradientBoostingClassifier and -Regressor), with native
    categories and missing values. A code that learn did not have counts as missing.

    Choose it beside LightGBM, after which it is modelled: its trees differ a little, and it is fitted in one thread, as
    its sums depend on the number of threads. With validation rows it stops when its loss on them no longer falls.
    """

    kind: Literal["hist_gradient_boosting"] = "hist_gradient_boosting"
    iterations: int = Field(500, ge=1, le=20_000, description="Most trees (per class).")
    learning_rate: float = Field(0.05, gt=0, le=1, description="Weight of each tree.")
    leaves: int = Field(31, ge=2, le=4096, description="Most leaves of a tree.")
    max_depth: int | None = Field(None, ge=1, le=64, description="Most splits from root to leaf.")
    min_leaf_rows: int = Field(20, ge=1, description="Fewest rows in a leaf.")
    feature_fraction: float = Field(0.7, gt=0, le=1, description="Share of features that each split sees.")
    l2: float = Field(1, ge=0, description="L2 penalty on leaf values.")
    early_stopping_rounds: int | None = Field(50, ge=1, description="Trees without gain before it stops; null: never.")
    objective: Objective = Field("squared_error", description=f"{OBJECTIVE_TEXT} Not huber and tweedie.")
    quantile: float = Field(0.5, gt=0, lt=1, description="objective: quantile: which one; 0.9 is above 90 % of values.")
    monotone: dict[str, Direction] = Field(
        {}, description="Features that the prediction may only rise with (increasing), or only fall (decreasing)."
    )
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    seeded: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {
        "learning_rate": {"low": 0.01, "high": 0.3, "log": True},
        "leaves": {"low": 8, "high": 256, "log": True, "type": "int"},
        "min_leaf_rows": {"low": 5, "high": 200, "log": True, "type": "int"},
        "feature_fraction": {"low": 0.3, "high": 1.0},
        "l2": {"low": 0.001, "high": 100.0, "log": True},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        refuse_objective(self.kind, self.objective, OBJECTIVES)
        refuse_with(self.monotone, self.objective, ("absolute_error", "quantile"))
        fitted_to = aim(self.objective, self.quantile, learn, context)
        posed = problem(learn, validation, context, self.class_weight)
        sight = _sight(posed.learn, context)
        estimator = self._estimator(posed, fitted_to, sight)
        features = sight.of(posed.learn.features)
        if posed.validation is None:
            with one_thread():
                estimator.fit(features, posed.learn.target, posed.learn.weights)
            fitted = fitted_trees(Histograms(estimator, sight), posed, estimator.n_iter_)
            return cast(Fitted, log_linked(fitted, fitted_to))
        held = posed.validation
        with one_thread():
            estimator.fit(
                features,
                posed.learn.target,
                posed.learn.weights,
                X_val=sight.of(held.features),
                y_val=held.target,
                sample_weight_val=held.weights,
            )
        watched = self._watched(posed, fitted_to)
        values = [-float(score) for score in estimator.validation_score_[1:]]  # the first is that of no tree
        stops = self.early_stopping_rounds is not None
        best = best_of(values, watched) if stops else len(values)
        fitted = stopped_trees(Histograms(estimator, sight), posed, best, values, watched if stops else None)
        return cast(Fitted, log_linked(fitted, fitted_to))

    def _watched(self, posed: Problem, fitted_to: Aim) -> Watch:
        """It looks at its own loss, whatever the metric: of squared errors the mean."""
        assert posed.validation is not None
        found = watch(fitted_to, posed.validation, replace(posed.context, metric="rmse"))
        return replace(found, name="squared_error") if found.name == "rmse" else found

    def _estimator(self, posed: Problem, fitted_to: Aim, sight: Sight) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        settings = {
            "learning_rate": self.learning_rate,
            "max_iter": self.iterations,
            "max_leaf_nodes": self.leaves,
            "max_depth": self.max_depth,
            "min_samples_leaf": self.min_leaf_rows,
            "max_features": self.feature_fraction,
            "l2_regularization": self.l2,
            "categorical_features": sorted(sight.codes) or None,
            "monotonic_cst": signs(self.monotone, posed.whole) if self.monotone else None,
            "early_stopping": posed.validation is not None,
            "n_iter_no_change": self.early_stopping_rounds or self.iterations,
            "tol": 0.0,
            "random_state": posed.context.seed,
        }
        if posed.context.n_classes:
            return HistGradientBoostingClassifier(**settings)
        quantile = fitted_to.quantile if fitted_to.objective == "quantile" else None
        return HistGradientBoostingRegressor(loss=fitted_to.objective, quantile=quantile, **settings)


@dataclass(frozen=True)
class Sight:
    """Features as the estimator sees them: `codes[f]` [m] are the codes of category f that it was fitted on, ascending,
    whose places it is given. Of the features `empty` learn had no value; it is given zeros."""

    codes: Mapping[int, Floats]
    empty: tuple[int, ...]

    def of(self, features: Floats) -> Floats:
        import numpy as np

        changed = features.copy()
        for at, known in self.codes.items():
            column = features[:, at]
            places = np.minimum(np.searchsorted(known, column), len(known) - 1)
            changed[:, at] = np.where(known[places] == column, places, np.nan)
        changed[:, list(self.empty)] = 0.0
        return changed


def _sight(learn: Samples, context: FitContext) -> Sight:
    """With the most frequent codes of each category."""
    import numpy as np

    empty = np.flatnonzero(np.isnan(learn.features).all(axis=0)).tolist()
    found: dict[int, Floats] = {}
    for at, feature in enumerate(context.features):
        if feature.cardinality is not None and at not in empty:
            column = learn.features[:, at]
            codes, counts = np.unique(column[~np.isnan(column)], return_counts=True)
            found[at] = np.sort(codes[np.argsort(-counts, kind="stable")[:MOST_CODES]])
    return Sight(found, tuple(empty))


@dataclass(frozen=True)
class Histograms:
    estimator: Any
    sight: Sight

    def raw(self, features: Floats, iterations: int) -> Floats:
        short = copy.copy(self.estimator)
        short._predictors = self.estimator._predictors[:iterations]
        with one_thread():
            found: Floats = short._raw_predict(self.sight.of(features), n_threads=1)
        return found[:, 0] if found.shape[1] == 1 else found

    def trees(self, iterations: int) -> list[Tree]:
        from modelwright.graph.booster_sources import constant_tree, histogram_tree

        start = [constant_tree(float(value)) for value in self.estimator._baseline_prediction.ravel()]
        grown = [tree for trees in self.estimator._predictors[:iterations] for tree in trees]
        return [*start, *(histogram_tree(tree, self._order, self.sight.codes) for tree in grown)]

    def gains(self, iterations: int) -> Floats:
        import numpy as np

        nodes = [tree.nodes for trees in self.estimator._predictors[:iterations] for tree in trees]
        joined = np.concatenate(nodes)
        splits = joined[joined["is_leaf"] == 0]
        return summed_gains(len(self._order), self._order[splits["feature_idx"]], splits["gain"])

    @property
    def _order(self) -> NDArray[np.int64]:
        """The estimator puts categories first."""
        import numpy as np

        every = range(self.estimator.n_features_in_)
        codes = self.sight.codes
        return np.array([*sorted(codes), *(at for at in every if at not in codes)], np.int64)

    def save(self, folder: Path, iterations: int) -> None:
        """Nothing: scikit-learn has no format of its own but pickle."""


PART = HistGradientBoosting
