"""An average of trees whose splits are drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import balanced, refuse_class_weight
from modelwright.parts.estimators.forest import bounded_leaf, fit_forest
from modelwright.parts.samples import FitContext, Fitted, Samples


class ExtraTrees(Model):
    """Extremely randomized trees (Geurts, Ernst and Wehenkel, 2006): the best of drawn thresholds splits.

    Choose it beside boosting, from which it differs more than a random forest does, and on small noisy data.
    Categories enter as their codes. Leaves are made larger when the trees would exceed 500,000 nodes.
    """

    kind: Literal["extra_trees"] = "extra_trees"
    trees: int = Field(250, ge=1, le=2000, description="How many trees are averaged.")
    max_depth: int | None = Field(None, ge=1, le=64, description="Most splits from root to leaf.")
    min_leaf_rows: int = Field(2, ge=1, description="Fewest rows in a leaf.")
    max_features: float | Literal["sqrt", "log2"] | None = Field(
        None, description="Features tried at each split: a share, or how many; default: half of them."
    )
    criterion: Literal["gini", "entropy"] = Field(
        "entropy", description="Impurity of classes; regression: squared error."
    )
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    seeded: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"float32"})  # scikit-learn's trees see float32
    search_space: ClassVar[Mapping[str, Any]] = {
        "min_leaf_rows": {"low": 1, "high": 50, "log": True, "type": "int"},
        "max_features": {"low": 0.1, "high": 1.0},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        refuse_class_weight(self.class_weight, context)
        learn = balanced(learn, self.class_weight)
        settings = {
            "n_estimators": self.trees,
            "max_depth": self.max_depth,
            "min_samples_leaf": bounded_leaf(self.min_leaf_rows, self.trees, len(learn.target)),
            "random_state": context.seed,
            "n_jobs": context.threads,
        }
        if context.n_classes:
            forest = ExtraTreesClassifier(criterion=self.criterion, max_features=self.max_features or 0.5, **settings)
        else:
            forest = ExtraTreesRegressor(max_features=self.max_features or 0.5, **settings)
        return fit_forest(forest, self.min_leaf_rows, learn, context)


PART = ExtraTrees
