"""Reads the trees of LightGBM (its text) and of scikit-learn (its node arrays) into plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.trees import Tree

CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of LightGBM's decision_type; above them is how it saw missing values
ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2
BITS = 32  # of a word of LightGBM's sets of categories


def lightgbm_trees(text: str) -> list[Tree]:
    """The trees of `Booster.model_to_string()`, in order; leaves are raw scores.

    The text holds arrays as they are; `dump_model` says the same as nested JSON, which takes ten times as long.
    """
    body = text.partition("\nend of trees")[0]
    blocks = body.split("\nTree=")[1:]
    return [_lightgbm_tree(dict(line.split("=", 1) for line in block.split("\n")[1:] if line)) for block in blocks]


def _lightgbm_tree(block: Mapping[str, str]) -> Tree:
    leaves = _floats(block["leaf_value"])
    if int(block["num_leaves"]) == 1:
        nothing = np.zeros(0, np.int64)
        return Tree(nothing, np.zeros(0), nothing, nothing, np.zeros(0, np.bool_), [], leaves)
    threshold, kind = _floats(block["threshold"]), _integers(block["decision_type"])
    categorical, missing_type = (kind & CATEGORICAL) != 0, kind >> 2
    if ((missing_type == ZERO_IS_MISSING) & ~categorical).any():
        raise ValueError("zero_as_missing is not supported")
    # Where no missing value was seen, LightGBM reads NaN as 0.
    goes_left = np.where(missing_type == NAN_IS_MISSING, (kind & DEFAULT_LEFT) != 0, threshold >= 0)
    members: list[list[int] | None] = [None] * len(kind)
    if categorical.any():
        bounds, words = _integers(block["cat_boundaries"]), _integers(block["cat_threshold"])
        for at in np.flatnonzero(categorical).tolist():
            place = int(threshold[at])
            members[at] = _in_set(words[bounds[place] : bounds[place + 1]])
    return Tree(
        _integers(block["split_feature"]),
        np.where(categorical, 0.0, threshold),
        _integers(block["left_child"]),
        _integers(block["right_child"]),
        goes_left & ~categorical,
        members,
        leaves,
    )


def _in_set(words: NDArray[np.int64]) -> list[int]:
    """The categories whose bit is set; those go left."""
    bits = (words[:, None] >> np.arange(BITS)) & 1
    return [int(code) for code in np.flatnonzero(bits.ravel())]


def _floats(text: str) -> NDArray[np.float64]:
    return np.array(text.split(" "), np.float64)


def _integers(text: str) -> NDArray[np.int64]:
    return np.array(text.split(" "), np.int64)


def sklearn_tree(tree: Any, leaves: NDArray[np.float64] | None = None) -> Tree:
    """A fitted `DecisionTree*.tree_`; `leaves` [node_count] replaces its values (its first output otherwise)."""
    nodes = tree.__getstate__()["nodes"]
    left, right = nodes["left_child"], nodes["right_child"]
    is_split = left >= 0
    place = np.where(is_split, np.cumsum(is_split) - 1, -np.cumsum(~is_split))
    values = tree.value[:, 0, 0] if leaves is None else leaves
    return Tree(
        nodes["feature"][is_split].astype(np.int64),
        nodes["threshold"][is_split].astype(np.float64),
        place[left[is_split]].astype(np.int64),
        place[right[is_split]].astype(np.int64),
        nodes["missing_go_to_left"][is_split].astype(np.bool_),
        [None] * int(is_split.sum()),
        np.asarray(values[~is_split], np.float64),
    )
