"""Splits ask for sets of categories by masks of bits, and say the same of every value, whatever the sets are."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from modelwright.graph import set_columns
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import SETS_BLOCK, Scorer
from modelwright.graph.trees import Tree, ensemble

LEVELS = (5, 60, 300)  # of three features


def splits(random: np.random.Generator, count: int) -> list[Tree]:
    """Trees of one split each: half of them ask for a set, which may be empty, whole, or hold a missing value."""
    found = []
    for number in range(count):
        feature = int(random.integers(0, len(LEVELS)))
        chosen = np.flatnonzero(random.random(LEVELS[feature]) < random.choice([0.0, 0.1, 0.5, 1.0])).tolist()
        found.append(
            Tree(
                np.array([feature]),
                np.array([float(random.normal())]),
                np.array([-1]),
                np.array([-2]),
                random.random(1) < 0.5,
                [chosen if random.random() < 0.5 else None],
                np.array([2.0 ** (number % 40), 0.0]),
            )
        )
    return found


def values(random: np.random.Generator, rows: int) -> np.ndarray:
    """Categories of each feature, those of the others, and what is none: unknown, missing, huge."""
    odd = [np.nan, -1.0, 61.0, 301.0, 1e12, -np.inf, np.inf]
    known = random.integers(0, max(LEVELS), (rows, len(LEVELS))).astype(float)
    small = random.integers(0, 6, (rows, len(LEVELS))).astype(float)
    drawn = np.where(random.random(known.shape) < 0.5, known, small)
    return np.where(random.random(known.shape) < 0.2, random.choice(odd, known.shape), drawn)


def expected(trees: list[Tree], rows: np.ndarray) -> np.ndarray:
    total = np.zeros(len(rows))
    for tree in trees:
        asked, members = rows[:, tree.feature[0]], tree.members[0]
        inside = asked <= tree.threshold[0] if members is None else np.isin(asked, members)
        total += np.where(np.where(np.isnan(asked), tree.missing_true[0], inside), tree.leaves[0], 0.0)
    return total


def graph_of(trees: list[Tree]) -> bytes:
    graph = GraphBuilder()
    scores = ensemble(graph, graph.matrix_input("x", len(LEVELS)), trees, [0] * len(trees), 1)
    graph.output("scores", scores, NUMBER, ["N", 1])
    return graph.build()


def masks(content: bytes) -> list[list[float]]:
    """The sets that the node of the trees asks for."""
    (node,) = (node for node in onnx.load_from_string(content).graph.node if node.op_type == "TreeEnsemble")
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    listed = numpy_helper.to_array(attributes["membership_values"])
    return [part[~np.isnan(part)].tolist() for part in np.split(listed, np.flatnonzero(np.isnan(listed)) + 1)][:-1]


@pytest.mark.parametrize("limits", [{}, {"MOST_CELLS": 400}, {"MOST_COLUMNS": 16}, {"GROUPS": 2}, {"BLOCK": 1}])
@pytest.mark.parametrize("seed", range(4))
def test_every_value_goes_where_its_set_says(seed, limits, monkeypatch):
    for name, value in limits.items():
        monkeypatch.setattr(set_columns, name, value)
    random = np.random.default_rng(seed)
    trees, rows = splits(random, 40), values(random, 2 * SETS_BLOCK + 7)
    found = Scorer(graph_of(trees)).run({"x": rows})["scores"][:, 0]
    np.testing.assert_array_equal(found, expected(trees, rows))


def test_a_number_between_two_categories_is_none():
    """ONNX Runtime alone takes 2.5 for 2 in a large set."""
    trees = [
        Tree(
            np.array([1]), np.zeros(1), np.array([-1]), np.array([-2]), np.zeros(1, np.bool_),
            [list(range(LEVELS[1]))], np.array([1.0, 0.0]),
        )
    ]  # fmt: skip
    found = Scorer(graph_of(trees)).run({"x": np.array([[0, 2.0, 0], [0, 2.5, 0]])})["scores"]
    assert found.tolist() == [[1.0], [0.0]]


def test_all_sets_are_masks_and_share_columns():
    """Numbers from 1 to 30, which ONNX Runtime keeps as bits; others it would search."""
    random = np.random.default_rng(0)
    trees = [
        Tree(
            np.array([1]), np.zeros(1), np.array([-1]), np.array([-2]), np.zeros(1, np.bool_),
            [np.flatnonzero(random.random(LEVELS[1]) < 0.5).tolist()], np.array([1.0, 0.0]),
        )
        for _ in range(100)
    ]  # fmt: skip
    content = graph_of(trees)
    asked = masks(content)
    assert len(asked) == 100
    assert all(1 <= number <= 30 for one in asked for number in one)
    (node,) = (node for node in onnx.load_from_string(content).graph.node if node.op_type == "TreeEnsemble")
    features = next(attribute.ints for attribute in node.attribute if attribute.name == "nodes_featureids")
    assert len(set(features)) < 100 / 4


def test_sets_that_would_make_rows_too_wide_are_asked_as_they_are(monkeypatch):
    monkeypatch.setattr(set_columns, "MOST_COLUMNS", 0)
    trees = splits(np.random.default_rng(1), 40)
    content = graph_of(trees)
    assert sorted(map(tuple, masks(content))) == sorted(
        tuple(tree.members[0]) for tree in trees if tree.members[0] is not None and tree.members[0] != []
    )


def test_trees_without_sets_are_one_node():
    trees = [tree for tree in splits(np.random.default_rng(2), 40) if tree.members[0] is None]
    nodes = onnx.load_from_string(graph_of(trees)).graph.node
    assert [node.op_type for node in nodes] == ["TreeEnsemble", "Identity"]
