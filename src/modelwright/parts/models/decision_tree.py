"""One tree of yes and no questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import balanced, refuse_class_weight
from modelwright.parts.estimators.forest import bounded_leaf, fit_forest
from modelwright.parts.samples import FitContext, Fitted, Samples


class DecisionTree(Model):
    """A single tree (Breiman et al., CART, 1984). Choose it when people must be able to follow each decision.

    Categories enter as their codes. Leaves are made larger when the tree would exceed 500,000 nodes.
    """

    kind: Literal["decision_tree"] = "decision_tree"
    max_depth: int | None = Field(6, ge=1, le=64, description="Most questions from root to leaf; null: no limit.")
    min_leaf_rows: int = Field(20, ge=1, description="Fewest rows in a leaf.")
    pruning: float = Field(0.0, ge=0, le=1, description="Cost of a leaf (alpha of minimal cost-complexity pruning).")
    criterion: Literal["gini", "entropy"] = Field("gini", description="Impurity of classes; regression: squared error.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"float32"})  # scikit-learn's trees see float32
    search_space: ClassVar[Mapping[str, Any]] = {
        "max_depth": {"low": 2, "high": 16, "type": "int"},
        "min_leaf_rows": {"low": 1, "high": 100, "log": True, "type": "int"},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        refuse_class_weight(self.class_weight, context)
        learn = balanced(learn, self.class_weight)
        settings = {
            "max_depth": self.max_depth,
            "min_samples_leaf": bounded_leaf(self.min_leaf_rows, 1, len(learn.target)),
            "ccp_alpha": self.pruning,
            "random_state": context.seed,
        }
        tree = (
            DecisionTreeClassifier(criterion=self.criterion, **settings)
            if context.n_classes
            else DecisionTreeRegressor(**settings)
        )
        return fit_forest(tree, self.min_leaf_rows, learn, context)


PART = DecisionTree
