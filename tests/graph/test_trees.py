"""Trees in the graph say exactly what LightGBM says, and what scikit-learn says up to rounding."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestRegressor

from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.graph.tree_sources import lightgbm_trees, sklearn_tree
from modelwright.graph.trees import Tree, ensemble

WIDTH = 3


def scorer(trees, targets=None, n_targets=1, aggregate="sum", width=WIDTH):
    graph = GraphBuilder()
    features = graph.matrix_input("x", width)
    scores = ensemble(graph, features, trees, targets or [0] * len(trees), n_targets, aggregate=aggregate)
    graph.output("scores", scores, NUMBER, ["N", n_targets])
    return Scorer(graph.build())


def walk(tree: Tree, row) -> float:
    place = 0 if len(tree.feature) else -1
    while place >= 0:
        value = row[tree.feature[place]]
        members = tree.members[place]
        if np.isnan(value):
            left = tree.missing_true[place]
        else:
            left = value <= tree.threshold[place] if members is None else value in members
        place = (tree.true_child if left else tree.false_child)[place]
    return tree.leaves[-1 - place]


def random_tree(random, depth) -> Tree:
    """Splits numbered depth first or breadth first, leaves anywhere, as a fitting library might give them."""
    splits, leaves = [], []

    def grow(depth):
        if depth == 0 or random.random() < 0.35:
            leaves.append(float(random.integers(1, 100)))
            return -len(leaves)
        at = len(splits)
        splits.append(None)
        members = sorted(random.choice(9, 3, replace=False).tolist()) if random.random() < 0.4 else None
        feature, threshold = int(random.integers(0, WIDTH)), float(random.normal())
        ends = grow(depth - 1), grow(depth - 1)
        splits[at] = (feature, threshold, *ends, bool(random.random() < 0.5), members)
        return at

    grow(depth)
    columns = list(zip(*splits, strict=True)) or [()] * 6
    return Tree(
        np.array(columns[0], np.int64), np.array(columns[1], np.float64), np.array(columns[2], np.int64),
        np.array(columns[3], np.int64), np.array(columns[4], np.bool_), list(columns[5]), np.array(leaves),
    )  # fmt: skip


@given(st.integers(0, 2**32 - 1))
def test_any_trees_give_what_walking_them_gives(seed):
    random = np.random.default_rng(seed)
    trees = [random_tree(random, 3) for _ in range(random.integers(1, 4))]
    rows = np.where(
        random.random((60, WIDTH)) < 0.5, random.integers(0, 9, (60, WIDTH)), random.normal(size=(60, WIDTH))
    )
    rows[random.random((60, WIDTH)) < 0.1] = np.nan
    expected = [sum(walk(tree, row) for tree in trees) for row in rows]
    np.testing.assert_array_equal(scorer(trees).run({"x": rows})["scores"][:, 0], expected)


@pytest.fixture(scope="module")
def awkward():
    """Values on thresholds, epochs that float32 can't hold, missing values and categories."""
    random = np.random.default_rng(0)
    rows = 3000
    features = random.normal(size=(rows, 6))
    features[:, 1] = random.integers(0, 50, rows) / 10
    features[:, 2] = 1.7e9 + random.integers(0, 3_000_000, rows)
    features[:, 3] = random.integers(0, 12, rows)
    features[:, 4] = random.integers(0, 80, rows)
    features[random.random(rows) < 0.1, 0] = np.nan
    features[random.random(rows) < 0.05, 4] = np.nan
    effect = random.normal(size=80)
    target = np.nan_to_num(features[:, 0]) + 0.5 * features[:, 1] + (features[:, 2] - 1.7e9) / 1e6
    target += effect[features[:, 3].astype(int)] + effect[np.nan_to_num(features[:, 4]).astype(int)]
    return features, target + random.normal(size=rows) * 0.3


def unseen(features):
    """The same rows with what learn never had: other categories, infinities, missing where there was none."""
    random = np.random.default_rng(1)
    rows = features.copy()
    rows[:, 3] = random.choice([np.nan, 12, 99, 0, 5, 1e9], len(rows))
    rows[:, 4] = random.choice([np.nan, 80, 79, 0, 31, 32, 63, 64], len(rows))
    rows[:, 1] = random.choice([np.nan, 0.1, 0.2, 0.3, 0.1 + 1e-17, np.nextafter(0.3, 1)], len(rows))
    rows[:, 5] = random.choice([np.inf, -np.inf, -0.0, 0.0, 1e-36, 1e300, np.nan], len(rows))
    return rows


@pytest.mark.parametrize("objective", ["regression", "multiclass"])
def test_lightgbm_is_bit_equal_at_every_batch_size(awkward, objective):
    features, target = awkward
    classes = 1 if objective == "regression" else 3
    labels = target if classes == 1 else np.digitize(target, np.quantile(target, [0.3, 0.7]))
    settings = {"objective": objective, "num_class": classes, "verbose": -1, "num_threads": 1, "max_cat_to_onehot": 4}
    booster = lightgbm.train(settings, lightgbm.Dataset(features, labels, categorical_feature=[3, 4]), 40)
    trees = lightgbm_trees(booster.model_to_string())
    graph = scorer(trees, [number % classes for number in range(len(trees))], classes, width=6)
    for rows in (features, unseen(features)):
        native = booster.predict(rows, raw_score=True).reshape(len(rows), classes)
        for size in (1, 7, 64, len(rows)):
            some = rows[: 20 * size]
            parts = [graph.run({"x": some[at : at + size]})["scores"] for at in range(0, len(some), size)]
            np.testing.assert_array_equal(np.concatenate(parts), native[: len(some)])


def test_a_booster_that_never_splits_is_its_constant():
    booster = lightgbm.train(
        {"objective": "regression", "verbose": -1, "min_data_in_leaf": 1000},
        lightgbm.Dataset(np.arange(30.0).reshape(10, 3), np.arange(10.0)),
        3,
    )
    scores = scorer(lightgbm_trees(booster.model_to_string())).run({"x": np.zeros((2, 3))})["scores"]
    np.testing.assert_array_equal(scores[:, 0], booster.predict(np.zeros((2, 3))))


def test_a_forest_agrees_with_scikit_learn(awkward):
    features, target = awkward
    rows = features.astype(np.float32)
    forest = RandomForestRegressor(20, random_state=0, min_samples_leaf=3).fit(rows, target)
    graph = scorer([sklearn_tree(tree.tree_) for tree in forest.estimators_], aggregate="average", width=6)
    shown = graph.run({"x": rows.astype(np.float64)})["scores"][:, 0]
    np.testing.assert_allclose(shown, forest.predict(rows), rtol=0, atol=1e-12)
