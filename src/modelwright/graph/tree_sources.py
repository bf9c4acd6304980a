"""Reads the trees of LightGBM (its JSON dump) and of scikit-learn (its node arrays) into plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.trees import Tree


def lightgbm_trees(dump: Mapping[str, Any]) -> list[Tree]:
    """The trees of `Booster.dump_model()`, in order; leaves are raw scores."""
    return [_lightgbm_tree(info["tree_structure"]) for info in dump["tree_info"]]


def _lightgbm_tree(root: Mapping[str, Any]) -> Tree:
    splits: list[dict[str, Any]] = []
    leaves: list[float] = []

    def number(node: Mapping[str, Any]) -> int:
        """The place of a node: splits from 0 up, leaves from -1 down."""
        if "split_feature" not in node:
            leaves.append(node["leaf_value"])
            return -len(leaves)
        splits.append({"node": node})
        return len(splits) - 1

    number(root)
    at = 0
    while at < len(splits):  # breadth first, without recursion: trees may be deep
        node = splits[at]["node"]
        splits[at].update(true=number(node["left_child"]), false=number(node["right_child"]))
        at += 1
    return Tree(
        np.array([split["node"]["split_feature"] for split in splits], np.int64),
        np.array([0.0 if _members(split["node"]) else split["node"]["threshold"] for split in splits], np.float64),
        np.array([split["true"] for split in splits], np.int64),
        np.array([split["false"] for split in splits], np.int64),
        np.array([_missing_goes_left(split["node"]) for split in splits], np.bool_),
        [_members(split["node"]) for split in splits],
        np.array(leaves, np.float64),
    )


def _members(node: Mapping[str, Any]) -> list[int] | None:
    """The categories that go left, for a categorical split."""
    return None if node["decision_type"] == "<=" else [int(code) for code in node["threshold"].split("||")]


def _missing_goes_left(node: Mapping[str, Any]) -> bool:
    if node["decision_type"] != "<=":
        return False
    if node["missing_type"] == "None":  # no missing value was seen: LightGBM then reads NaN as 0
        return bool(node["threshold"] >= 0)
    if node["missing_type"] == "Zero":
        raise ValueError("zero_as_missing is not supported")
    return bool(node["default_left"])


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
