"""What models of averaged scikit-learn trees share: a bounded size, and the graph of one node that finds the leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.parts.samples import FitContext, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

MOST_NODES = 500_000  # about 35 MB as a graph


def bounded_leaf(min_leaf_rows: int, trees: int, rows: int) -> int:
    """Fewest rows in a leaf, so that all trees together have about 500,000 nodes at most.

    A tree of N rows has at most 2 N / min_leaf_rows nodes, in practice about half of that.
    """
    return max(min_leaf_rows, -(-rows * trees // MOST_NODES))


def fit_forest(forest: Any, min_leaf_rows: int, learn: Samples, context: FitContext) -> FittedForest:
    """`forest` is a scikit-learn forest (or a single tree) whose leaves may be larger than `min_leaf_rows` asks."""
    import numpy as np

    forest.fit(learn.features.astype(np.float32), learn.target, sample_weight=learn.weights)
    if hasattr(forest, "n_jobs"):
        forest.set_params(n_jobs=1)  # threads would add the trees up in whatever order they finish
    trees = tuple(estimator.tree_ for estimator in getattr(forest, "estimators_", [forest]))
    notes: dict[str, Any] = {"nodes": int(sum(tree.node_count for tree in trees))}
    if forest.min_samples_leaf > min_leaf_rows:
        notes["min_leaf_rows"] = forest.min_samples_leaf
    shares = forest.feature_importances_
    importance = {feature.name: float(share) for feature, share in zip(context.features, shares, strict=True)}
    return FittedForest(forest, trees, context.n_classes, notes, importance)


@dataclass(frozen=True)
class FittedForest:
    forest: Any
    trees: tuple[Any, ...]
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

        if self.n_classes > 2:
            return self._compile_classes(graph, features)
        leaves = [self._shares(tree, 1) if self.n_classes else None for tree in self.trees]
        plain = [sklearn_tree(tree, values) for tree, values in zip(self.trees, leaves, strict=True)]
        mean = ensemble(graph, features, plain, [0] * len(plain), 1, aggregate="average")
        column = graph.op("Squeeze", mean, np.array([1]))
        return steady.both_classes(graph, column) if self.n_classes else column

    def _compile_classes(self, graph: GraphBuilder, features: str) -> str:
        """One node finds the leaf of every tree; tables by class say what is in it. (A leaf of the node has one value,
        so the alternative is a copy of the forest for each class.)"""
        import numpy as np

        from modelwright.graph.builder import INTEGER
        from modelwright.graph.tree_sources import sklearn_tree
        from modelwright.graph.trees import ensemble

        first = np.cumsum([0, *(tree.node_count for tree in self.trees)])
        plain = [
            sklearn_tree(tree, np.arange(tree.node_count, dtype=np.float64) + start)
            for tree, start in zip(self.trees, first[:-1], strict=True)
        ]
        found = ensemble(graph, features, plain, list(range(len(plain))), len(plain))
        places = graph.cast(found, INTEGER)
        equally = np.full((len(self.trees), 1), 1 / len(self.trees))
        columns = []
        for code in range(self.n_classes):
            table = np.concatenate([self._shares(tree, code) for tree in self.trees])
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
