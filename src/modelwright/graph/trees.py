"""Trees as one float64 TreeEnsemble node (ai.onnx.ml 5): bit-equal to LightGBM, with set membership for categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

LESS_OR_EQUAL, MEMBER = 0, 6  # node modes of TreeEnsemble
AVERAGE, SUM = 0, 1


@dataclass(frozen=True)
class Tree:
    """Plain arrays, one entry a split. Children `>= 0` are splits, `-1 - leaf` are leaves.

    A row goes to `true_child` when its feature is <= `threshold`, or in `members[split]` where that is not None.
    A tree without splits is its only leaf. Split 0 is the root.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    true_child: NDArray[np.int64]
    false_child: NDArray[np.int64]
    missing_true: NDArray[np.bool_]
    members: Sequence[Sequence[int] | None]
    leaves: NDArray[np.float64]


def ensemble(
    graph: GraphBuilder,
    features: str,
    trees: Sequence[Tree],
    targets: Sequence[int],
    n_targets: int,
    *,
    aggregate: Literal["sum", "average"] = "sum",
) -> str:
    """[N, n_targets]: for each target the sum or average of the leaves of its trees (`targets[i]` is tree i's)."""
    from onnx import numpy_helper

    from modelwright.graph.set_columns import with_set_columns

    features, trees = with_set_columns(graph, features, trees)
    flat = _Flat()
    for tree, target in zip(trees, targets, strict=True):
        flat.add(tree, target)
    members = {}
    if flat.members:
        members["membership_values"] = numpy_helper.from_array(np.array(flat.members, np.float64))
    return graph.op(
        "TreeEnsemble",
        features,
        domain="ai.onnx.ml",
        n_targets=n_targets,
        aggregate_function=SUM if aggregate == "sum" else AVERAGE,
        post_transform=0,
        tree_roots=flat.roots,
        nodes_featureids=flat.features,
        nodes_splits=numpy_helper.from_array(np.array(flat.splits, np.float64)),
        nodes_modes=numpy_helper.from_array(np.array(flat.modes, np.uint8)),
        nodes_truenodeids=flat.true_ids,
        nodes_trueleafs=flat.true_leafs,
        nodes_falsenodeids=flat.false_ids,
        nodes_falseleafs=flat.false_leafs,
        nodes_missing_value_tracks_true=flat.missing_true,
        leaf_targetids=flat.leaf_targets,
        leaf_weights=numpy_helper.from_array(np.array(flat.leaf_weights, np.float64)),
        **members,
    )


class _Flat:
    """The node's attributes, filled tree by tree."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.features: list[int] = []
        self.splits: list[float] = []
        self.modes: list[int] = []
        self.true_ids: list[int] = []
        self.true_leafs: list[int] = []
        self.false_ids: list[int] = []
        self.false_leafs: list[int] = []
        self.missing_true: list[int] = []
        self.members: list[float] = []
        self.leaf_targets: list[int] = []
        self.leaf_weights: list[float] = []

    def add(self, tree: Tree, target: int) -> None:
        node, leaf = len(self.features), len(self.leaf_weights)
        self.roots.append(node)
        if len(tree.feature):
            self._add_splits(tree, node, leaf)
        else:  # a constant: the standard wants a root whose two children are the same leaf
            self._add_split(0, 0.0, None, (leaf, 1), (leaf, 1), False)
        self.leaf_weights.extend(tree.leaves.tolist())
        self.leaf_targets.extend([target] * len(tree.leaves))

    def _add_splits(self, tree: Tree, node: int, leaf: int) -> None:
        columns = (tree.feature, tree.threshold, tree.true_child, tree.false_child, tree.missing_true)
        rows = zip(*(column.tolist() for column in columns), tree.members, strict=True)
        for feature, threshold, true_child, false_child, missing_true, members in rows:
            true_end, false_end = (
                (node + child, 0) if child >= 0 else (leaf - 1 - child, 1) for child in (true_child, false_child)
            )
            self._add_split(feature, threshold, members, true_end, false_end, missing_true)

    def _add_split(
        self,
        feature: int,
        threshold: float,
        members: Sequence[int] | None,
        true_end: tuple[int, int],
        false_end: tuple[int, int],
        missing_true: bool,
    ) -> None:
        if members is not None and not members:  # the standard has no empty set; nothing is <= NaN
            members, threshold = None, math.nan
        self.features.append(feature)
        self.missing_true.append(int(missing_true))
        self.modes.append(LESS_OR_EQUAL if members is None else MEMBER)
        self.splits.append(threshold if members is None else 0.0)
        if members is not None:
            self.members.extend([*map(float, members), math.nan])
        for (index, is_leaf), ids, leafs in (
            (true_end, self.true_ids, self.true_leafs),
            (false_end, self.false_ids, self.false_leafs),
        ):
            ids.append(index)
            leafs.append(is_leaf)
