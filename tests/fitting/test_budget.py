"""Time is planned: what is left out is left out for a reason, and what is kept is counted in."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from fitting.small_tables import prepared
from fitting.test_auto import auto, graph_of, part
from modelwright.core.progress import Silent
from modelwright.fitting import costs, members
from modelwright.fitting.agreement import agreement
from modelwright.fitting.budget import AROUND_S, Budget
from modelwright.fitting.fit import compile_model
from modelwright.fitting.members import Candidate, FoldFits
from modelwright.fitting.portfolio import Portfolio
from modelwright.fitting.shared_folds import shared_folds, spread
from modelwright.fitting.training import Recipe


def fits(data, validation=None):
    recipe = Recipe(part("models", "auto"), validation or part("validations", "kfold", folds=5), "none", 3, 2)
    return FoldFits(shared_folds(data, recipe.validation, recipe.seed), recipe)


def test_what_comes_before_and_after_the_portfolio_counts_as_spent():
    budget = Budget(10)
    assert budget.left_s == pytest.approx(10 - AROUND_S, abs=0.1)
    budget.reserved_s = 5
    assert not budget.fits(4) and budget.fits(2)


def portfolio_of(data, *models):
    recipe = Recipe(part("models", "auto"), part("validations", "kfold", folds=5), "none", 3, 2)
    folds = shared_folds(data, recipe.validation, recipe.seed)
    found = Portfolio(folds, recipe, Budget(3600), False, 1e9, Silent())
    for candidate in models:
        assert found.attempt(candidate)
    return found


def test_what_adds_nothing_on_the_first_fold_goes_no_further(monkeypatch):
    trees = Candidate("lightgbm", part("models", "lightgbm", iterations=20))
    found = portfolio_of(prepared("regression"), trees)
    fitted, one = [], FoldFits._one
    monkeypatch.setattr(FoldFits, "_one", lambda self, *given: fitted.append(given[2]) or one(self, *given))
    assert not found.attempt(replace(trees, name="the same again"), choosy=True)
    assert fitted == [0, 1], "two threads fit two folds at the same time"
    assert found.left_out[0][1] == "on the first fold it adds nothing, and there is no time for all"
    assert found.attempt(Candidate("piecewise_linear", part("models", "piecewise_linear")), choosy=True)


def test_with_time_for_all_nothing_has_to_add():
    models = (("lightgbm", {"iterations": 20}), ("lightgbm", {"iterations": 20}))
    assert {"lightgbm", "lightgbm 2"} <= {one["name"] for one in auto(prepared("binary"), models=models).leaderboard}
    assert not [one for one in auto(prepared("binary"), models=models).leaderboard if one["not_ranked_because"]]


def test_folds_that_are_fitted_at_the_same_time_cost_once():
    some = fits(prepared("regression"))
    assert some.at_once(Candidate("lightgbm", part("models", "lightgbm"))) == 2
    network, forest = (Candidate(kind, part("models", kind)) for kind in ("mlp", "extra_trees"))
    rows = some.shared.folds[0].learn.sum() / 1000
    assert costs.member_s(network, [], some) == pytest.approx(costs.LOADED_S["mlp"] + 3 * 0.3 * rows, rel=0.01)
    assert costs.member_s(forest, [], some) == pytest.approx(5 * 0.12 * rows / 2, rel=0.01), "it has both threads"


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_boosting_behind_an_adapter_is_averaged_over_the_folds_in_one_node(task):
    pytest.importorskip("xgboost")
    data = prepared(task)
    trained = auto(data, refit="learn+validation", models=(("xgboost", {"iterations": 20}),))
    assert trained.fitted.notes["averaged_models"] == 3
    graph = graph_of(data, trained)
    assert graph.count(b"TreeEnsemble") == 1
    assert agreement(graph, trained.features, trained.fitted, data.task, data.validation)["graph_to_native"] <= 1e-9


def test_networks_of_all_folds_are_averaged_too():
    pytest.importorskip("torch")
    data = prepared("regression")
    trained = auto(data, refit="learn+validation", models=(("mlp", {"epochs": 2, "hidden": 8}),))
    assert trained.fitted.notes["averaged_models"] == 3
    model = compile_model(trained.features.model, trained.fitted, data.task, data.schema)
    found = agreement(model, trained.features, trained.fitted, data.task, data.validation)
    assert found["graph_to_native"] <= 1e-9


def test_a_small_budget_means_larger_steps_for_many_rows_only():
    models = part("models", "auto", budget_s=10).candidates("regression")
    rate = {
        rows: part("models", "auto", budget_s=10).for_rows(models, rows, 0)[0].learning_rate for rows in (2_000, 9_000)
    }
    assert rate == {2_000: 0.05, 9_000: 0.1}
    assert part("models", "auto", budget_s=600).for_rows(models, 9_000, 0) == models


def test_a_graph_costs_what_it_computes_not_what_it_looks_up():
    """The tables of a forest of several classes are large, and a row takes one entry of them for each tree."""
    data = prepared("multiclass", 600)
    small = (
        ("random_forest", {"trees": 20, "min_leaf_rows": 40}),
        ("random_forest", {"trees": 20, "min_leaf_rows": 1}),
    )
    board = {entry["name"]: entry for entry in auto(data, models=small, prefer="size").leaderboard}
    cheap, dear = board["random_forest"], board["random_forest 2"]
    assert dear["bytes"] > 4 * cheap["bytes"] and dear["us_per_row"] < 2 * cheap["us_per_row"]


def test_rows_that_stand_for_all_are_spread_evenly():
    assert spread(10, 4).tolist() == [0, 3, 6, 9]
    assert spread(3, 4).tolist() == [0, 1, 2]
    assert spread(3, None).tolist() == [0, 1, 2]


def test_the_portfolio_ends_in_time():
    data = prepared("regression", 3000)
    started = time.monotonic()
    trained = auto(data, budget_s=6.0, max_models=None, threads=1)
    spent = time.monotonic() - started
    graph_of(data, trained)
    assert spent < 6.0 * 1.1
    assert np.isfinite(trained.scores).all()


def test_on_a_busy_machine_what_is_usual_takes_as_much_longer(monkeypatch):
    data = prepared("binary")
    some = fits(data)
    trees = Candidate("lightgbm", part("models", "lightgbm", iterations=5))
    processor = iter([0.0, 4.0])
    monkeypatch.setattr(members.time, "process_time", lambda: next(processor))
    fold = FoldFits.fit
    monkeypatch.setattr(FoldFits, "fit", lambda *given: [(one, 2.0) for one, _ in fold(*given)])
    member = members.fit_member(trees, some, "raw", Budget(60), must=True, bagging=False)
    assert member.slowness == pytest.approx(5 * 2.0 / 4.0)

    forest = Candidate("extra_trees", part("models", "extra_trees"))
    assert costs.fold_s(forest, [member], some) == pytest.approx(2.5 * costs.fold_s(forest, [], some))
    busy = Budget(10, slowness=2.5)
    assert busy.left_s == pytest.approx(10 - 2.5 * AROUND_S, abs=0.1)


def test_a_quiet_machine_is_not_taken_for_a_busy_one():
    trees = Candidate("lightgbm", part("models", "lightgbm", iterations=5))
    member = members.fit_member(trees, fits(prepared("binary")), "raw", Budget(60), must=True, bagging=False)
    assert costs.slowness([member]) == 1.0, "it took too short to tell"
