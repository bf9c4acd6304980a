"""Reads the trees of scikit-learn's histogram boosting, XGBoost and CatBoost into plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.trees import Tree

WORD = 32  # bits of one number of a bit set


def constant_tree(value: float) -> Tree:
    """The same for every row."""
    nothing = np.empty(0, np.int64)
    return Tree(nothing, np.empty(0), nothing, nothing, np.empty(0, bool), [], np.array([value]))


def histogram_tree(predictor: Any, order: NDArray[np.int64], codes: Mapping[int, NDArray[np.float64]]) -> Tree:
    """A `TreePredictor`; `order[i]` is the feature that it calls i, and `codes[f]` are the codes behind the categories
    0, 1, … that it knows of feature f.

    A code that learn did not have goes where a missing value goes, so what is listed is the side that it does not take.
    """
    nodes = predictor.nodes
    is_split = np.asarray(nodes["is_leaf"] == 0)
    place = np.where(is_split, np.cumsum(is_split) - 1, 0 - np.cumsum(~is_split))
    splits = nodes[is_split]
    feature = order[splits["feature_idx"]]
    true_child, false_child = place[splits["left"]], place[splits["right"]]
    missing_true = splits["missing_go_to_left"].astype(bool)
    members: list[list[int] | None] = [None] * len(splits)
    for at in np.flatnonzero(splits["is_categorical"]).tolist():
        known = codes[int(feature[at])]
        left = _bits(predictor.raw_left_cat_bitsets[splits["bitset_idx"][at]], len(known))
        if missing_true[at]:
            left = ~left
            true_child[at], false_child[at] = false_child[at], true_child[at]
            missing_true[at] = False
        members[at] = known[left].astype(int).tolist()
    thresholds = np.where(splits["is_categorical"] == 1, 0.0, splits["num_threshold"])
    return Tree(feature, thresholds, true_child, false_child, missing_true, members, nodes["value"][~is_split])


def _bits(words: NDArray[np.uint32], count: int) -> NDArray[np.bool_]:
    places = np.arange(count)
    return np.asarray((words[places // WORD] >> (places % WORD).astype(np.uint32)) & np.uint32(1), bool)


def xgboost_tree(tree: Mapping[str, Any]) -> Tree:
    """A tree of XGBoost's JSON. It asks `<` of float32 and lists the categories that go right; others go left."""
    left, right = np.array(tree["left_children"], np.int64), np.array(tree["right_children"], np.int64)
    conditions = np.array(tree["split_conditions"], np.float32)
    is_split = left >= 0
    place = np.where(is_split, np.cumsum(is_split) - 1, 0 - np.cumsum(~is_split))
    true_child, false_child = place[left[is_split]], place[right[is_split]]
    missing_true = np.array(tree["default_left"], bool)[is_split]
    below = np.nextafter(conditions[is_split], np.float32(-np.inf))  # x <= the number before it is x < it
    members: list[list[int] | None] = [None] * int(is_split.sum())
    sets = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    for node, start, size in sets:
        at = int(place[node])
        members[at] = [int(code) for code in tree["categories"][start : start + size]]
        true_child[at], false_child[at] = false_child[at], true_child[at]
        missing_true[at] = not missing_true[at]
    thresholds = np.where([member is not None for member in members], 0.0, below.astype(np.float64))
    feature = np.array(tree["split_indices"], np.int64)[is_split]
    leaves = conditions[~is_split].astype(np.float64)
    return Tree(feature, thresholds, true_child, false_child, missing_true, members, leaves)


def catboost_trees(tree: Mapping[str, Any], missing_high: Sequence[bool], scale: float, outputs: int) -> list[Tree]:
    """An oblivious tree of CatBoost's JSON, one for each output; `missing_high` says by feature where missing goes.

    All nodes of a level ask the same, the last split first; the answers are the bits of the leaf's number.
    """
    splits = tree["splits"] or []
    depth = len(splits)
    order = [splits[depth - 1 - level] for level in range(depth) for _ in range(2**level)]
    feature = np.array([split["float_feature_index"] for split in order], np.int64)
    thresholds = np.array([split["border"] for split in order], np.float32).astype(np.float64)
    nodes = np.arange(len(order))
    children = np.where(nodes < (len(order) + 1) // 2 - 1, 2 * nodes + 1, -1 - (2 * nodes + 1 - len(order)))
    others = np.where(children < 0, children - 1, children + 1)
    missing_true = ~np.array(missing_high, bool)[feature] if depth else np.empty(0, bool)
    leaves = np.array(tree["leaf_values"], np.float64).reshape(-1, outputs) * scale
    return [
        Tree(feature, thresholds, children, others, missing_true, [None] * len(order), leaves[:, output])
        for output in range(outputs)
    ]
