"""A portfolio of quantile models: the same folds, pinball loss, one graph whose quantiles never cross."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fitting.small_tables import prepared
from fitting.test_auto import auto, graph_of, part, score
from modelwright.fitting.agreement import agreement
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.samples import FitContext, Samples

SMALL = (
    ("lightgbm", {"iterations": 60, "leaves": 8, "learning_rate": 0.1}),
    ("prior", {}),
    ("linear_quantile", {}),
)
LEVELS = (0.1, 0.5, 0.9)


def rows(count=900):
    task = part("tasks", "quantile", target="y", quantiles=LEVELS)
    return replace(prepared("regression", count), task=task)


@pytest.fixture(scope="module")
def data():
    return rows()


@pytest.mark.parametrize("refit", ["none", "learn+validation"])
def test_a_mean_of_quantiles_is_one_graph_and_still_rises(data, refit):
    trained = auto(data, refit=refit, models=SMALL)
    assert trained.name == "ensemble", "the data is made so that both models are better together"
    assert [entry["metric"] for entry in trained.leaderboard] == ["pinball"] * 4
    assert trained.leaderboard[0]["score"]["value"] == score(data, trained)
    graph = graph_of(data, trained)
    found = agreement(graph, trained.features, trained.fitted, data.task, data.validation)
    assert found["graph_to_native"] <= 1e-9
    assert {size for sizes in found["batch_sizes"].values() for size in sizes.values()} == {0.0}
    assert (np.diff(Scorer(graph).run_table(data.validation)["quantile"], axis=1) >= 0).all()


def test_trees_of_all_folds_are_one_node_for_each_quantile(data):
    bagged = auto(data, refit="learn+validation", models=SMALL[:1])
    assert graph_of(data, bagged).count(b"TreeEnsemble") == len(LEVELS)
    assert [one.notes["averaged_models"] for one in bagged.fitted.members] == [3, 3, 3]


@pytest.mark.parametrize("prefer", ["accuracy", "speed", "size", "interpretable"])
def test_all_that_it_would_try_can_do_quantiles_and_the_prior_is_among_them(prefer):
    kinds = [model.kind for model in part("models", "auto", prefer=prefer).candidates("quantile")]
    assert {"prior", "linear_quantile"} <= set(kinds)
    assert all(catalog.load("models", kind).can("quantile") for kind in kinds)
    assert ("lightgbm" in kinds) == (prefer != "interpretable")


def test_the_prior_is_the_quantile_of_the_target_by_its_weights():
    learn = Samples(np.zeros((4, 1)), np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 1.0, 1.0, 7.0]))
    context = FitContext("regression", 0, (), "pinball", 1, 1)
    fitted = [part("models", "prior", quantile=level).fit(learn, None, context) for level in (0.1, 0.25, 0.5)]
    assert [one.predict(learn.features)[0] for one in fitted] == [1.0, 3.0, 10.0]
