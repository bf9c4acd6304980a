"""Rows that few random cuts set apart from all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import FitContext, Fitted, Floats, Samples


class IsolationForest(Model):
    """Isolation forest (Liu, Ting and Zhou 2008; scikit-learn's IsolationForest). The score is 2 to the minus mean
    depth over expected depth: about 0.5 for common rows, towards 1 for strange ones.

    Choose it first: it takes any mix of columns, many rows and several clouds of them, and has little to set.
    """

    kind: Literal["isolation_forest"] = "isolation_forest"
    trees: int = Field(200, ge=1, le=2000, description="How many trees are averaged.")
    rows: int = Field(256, ge=2, le=100_000, description="Rows that each tree is made of, drawn from learn.")

    tasks: ClassVar[frozenset[str]] = frozenset({"anomaly"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "float32"})  # scikit-learn's trees see float32
    search_space: ClassVar[Mapping[str, Any]] = {"rows": {"low": 32, "high": 2048, "log": True, "type": "int"}}
    seeded: ClassVar[bool] = True

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.ensemble import IsolationForest as Estimator

        rows = min(self.rows, len(learn.features))
        forest = Estimator(n_estimators=self.trees, max_samples=rows, random_state=context.seed, n_jobs=1)
        forest.fit(learn.features.astype(np.float32), sample_weight=learn.weights)
        nodes = int(sum(tree.tree_.node_count for tree in forest.estimators_))
        return FittedIsolation(forest, {"trees": self.trees, "rows_of_a_tree": rows, "nodes": nodes})


@dataclass(frozen=True)
class FittedIsolation:
    forest: Any
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        """[N] scores."""
        import numpy as np

        found: Floats = -self.forest.score_samples(features.astype(np.float32))
        return found

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady
        from modelwright.graph.tree_sources import sklearn_tree
        from modelwright.graph.trees import ensemble

        trees = [estimator.tree_ for estimator in self.forest.estimators_]
        plain = [sklearn_tree(tree, _depths(tree)) for tree in trees]
        total = graph.op("Squeeze", ensemble(graph, features, plain, [0] * len(plain), 1), np.array([1]))
        expected = len(trees) * _path_length(np.array([self.forest._max_samples]))[0]
        if not expected > 0:  # trees of one row: all rows are alike
            return graph.op("Add", graph.op("Mul", total, np.float64(0)), np.float64(0.5))
        return steady.exp(graph, graph.op("Mul", total, np.float64(-np.log(2) / expected)))

    def save_native(self, folder: Path) -> None:
        """Nothing: a forest is not trained further."""


def _depths(tree: Any) -> Floats:
    """[node_count]: splits above each node, and those that its rows would still have needed."""
    import numpy as np

    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # parents come before their children
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depths[child] = depths[node] + 1
    return depths + _path_length(tree.n_node_samples)


def _path_length(rows: Any) -> Floats:
    """Mean depth of a random tree of so many rows, as scikit-learn has it."""
    import numpy as np

    found = np.where(np.asarray(rows) == 2, 1.0, 0.0)
    many = np.asarray(rows) > 2
    count = np.asarray(rows)[many].astype(np.float64)
    found[many] = 2 * (np.log(count - 1) + np.euler_gamma) - 2 * (count - 1) / count
    return found


PART = IsolationForest
