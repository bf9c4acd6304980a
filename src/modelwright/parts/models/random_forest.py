"""An average of trees, each grown on a resample of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import FitContext, Fitted, Model, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.base import Floats

MOST_NODES = 500_000  # about 35 MB as a graph


class RandomForest(Model):
    """Random forest (Breiman, 2001). Choose it for a robust model with little to tune; boosting is often better.

    Categories enter as their codes. Leaves are made larger when the forest would exceed 500,000 nodes.
    """

    kind: Literal["random_forest"] = "random_forest"
    trees: int = Field(200, ge=1, le=2000, description="How many trees are averaged.")
    max_depth: int | None = Field(None, ge=1, le=64, description="Most splits from root to leaf.")
    min_leaf_rows: int = Field(2, ge=1, description="Fewest rows in a leaf.")
    max_features: float | Literal["sqrt", "log2"] | None = Field(
        None, description="Features tried at each split: a share, or how many; default: sqrt, for regression half."
    )
    criterion: Literal["gini", "entropy"] = Field("gini", description="Impurity of classes; regression: squared error.")

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"float32"})  # scikit-learn's trees see float32
    search_space: ClassVar[Mapping[str, Any]] = {
        "min_leaf_rows": {"low": 1, "high": 50, "log": True, "type": "int"},
        "max_features": {"low": 0.1, "high": 1.0},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        # A tree of N rows has at most 2 N / min_leaf_rows nodes, in practice about half of that.
        leaf = max(self.min_leaf_rows, -(-len(learn.target) * self.trees // MOST_NODES))
        settings = {
            "n_estimators": self.trees,
            "max_depth": self.max_depth,
            "min_samples_leaf": leaf,
            "random_state": context.seed,
            "n_jobs": context.threads,
        }
        if context.n_classes:
            features = self.max_features or "sqrt"
            forest = RandomForestClassifier(criterion=self.criterion, max_features=features, **settings)
        else:
            features = 0.5 if self.max_features in (None, "sqrt") else self.max_features
            forest = RandomForestRegressor(max_features=features, **settings)
        forest.fit(learn.features.astype(np.float32), learn.target, sample_weight=learn.weights)
        forest.set_params(n_jobs=1)  # threads would add the trees up in whatever order they finish
        notes: dict[str, Any] = {"nodes": int(sum(tree.tree_.node_count for tree in forest.estimators_))}
        if leaf > self.min_leaf_rows:
            notes["min_leaf_rows"] = leaf
        shares = forest.feature_importances_
        importance = {feature.name: float(share) for feature, share in zip(context.features, shares, strict=True)}
        return FittedForest(forest, context.n_classes, notes, importance)


@dataclass(frozen=True)
class FittedForest:
    forest: Any
    n_classes: int  # 0 for regression
    notes: Mapping[str, Any]
    importance: Mapping[str, float] | None
    curve: Sequence[Mapping[str, float]] = field(default=())

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        rows = features.astype(np.float32)
        if not self.n_classes:
            values: Floats = self.forest.predict(rows)
            return values
        found = np.zeros((len(rows), self.n_classes))
        found[:, self.forest.classes_.astype(np.int64)] = self.forest.predict_proba(rows)
        return found

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady
        from modelwright.graph.tree_sources import sklearn_tree
        from modelwright.graph.trees import ensemble

        trees = [estimator.tree_ for estimator in self.forest.estimators_]
        if self.n_classes > 2:
            return self._compile_classes(graph, features, trees)
        leaves = [self._shares(tree, 1) if self.n_classes else None for tree in trees]
        plain = [sklearn_tree(tree, values) for tree, values in zip(trees, leaves, strict=True)]
        mean = ensemble(graph, features, plain, [0] * len(plain), 1, aggregate="average")
        column = graph.op("Squeeze", mean, np.array([1]))
        return steady.both_classes(graph, column) if self.n_classes else column

    def _compile_classes(self, graph: GraphBuilder, features: str, trees: list[Any]) -> str:
        """One node finds the leaf of every tree; tables by class say what is in it. (A leaf of the node has one value,
        so the alternative is a copy of the forest for each class.)"""
        import numpy as np

        from modelwright.graph.builder import INTEGER
        from modelwright.graph.tree_sources import sklearn_tree
        from modelwright.graph.trees import ensemble

        first = np.cumsum([0, *(tree.node_count for tree in trees)])
        plain = [
            sklearn_tree(tree, np.arange(tree.node_count, dtype=np.float64) + start)
            for tree, start in zip(trees, first[:-1], strict=True)
        ]
        found = ensemble(graph, features, plain, list(range(len(plain))), len(plain))
        places = graph.cast(found, INTEGER)
        equally = np.full((len(trees), 1), 1 / len(trees))
        columns = []
        for code in range(self.n_classes):
            table = np.concatenate([self._shares(tree, code) for tree in trees])
            columns.append(graph.op("MatMul", graph.op("Gather", table, places), equally))
        return graph.op("Concat", *columns, axis=1)

    def _shares(self, tree: Any, code: int) -> Any:
        """[node_count] share of a class in each node; 0 for a class that learn did not have."""
        import numpy as np

        known = self.forest.classes_.astype(np.int64).tolist()
        if code not in known:
            return np.zeros(tree.node_count)
        counts = tree.value[:, 0, :]
        return counts[:, known.index(code)] / counts.sum(axis=1)

    def save_native(self, folder: Path) -> None:
        """Nothing: a forest is not trained further."""


PART = RandomForest
