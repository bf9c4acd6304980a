"""With many rows and little time, models compete on a part of the rows before all of them are fitted."""

from __future__ import annotations

import pytest

from fitting.small_tables import prepared
from fitting.test_auto import auto, graph_of, part
from modelwright.fitting import first_pass
from modelwright.fitting.budget import Budget
from modelwright.fitting.members import Candidate, FoldFits
from modelwright.fitting.shared_folds import shared_folds
from modelwright.fitting.training import Recipe

MODELS = (
    ("lightgbm", {"iterations": 20}),
    ("prior", {}),
    ("logistic", {}),
    ("decision_tree", {"max_depth": 1}),
    ("piecewise_linear", {}),
    ("gaussian_naive_bayes", {}),
)


@pytest.fixture
def few_are_many(monkeypatch):
    monkeypatch.setattr(first_pass, "MANY_ROWS", 100)
    monkeypatch.setattr(first_pass, "FEWEST_ROWS", 40)


def crowded(monkeypatch):
    """The budget holds no second model, as far as is known."""
    monkeypatch.setattr(first_pass.costs, "member_s", lambda candidate, members, fits: 40.0)
    monkeypatch.setattr(first_pass.costs, "fold_s", lambda candidate, members, fits: 1.0)


def left_out(trained):
    return {row["name"]: row["not_ranked_because"] for row in trained.leaderboard if row["rank"] is None}


def compete(models, scale="raw", task="binary", **options):
    data = prepared(task, **options)
    recipe = Recipe(part("models", "auto"), part("validations", "kfold", folds=3), "none", 3, 1)
    fits = FoldFits(shared_folds(data, recipe.validation, recipe.seed), recipe)
    metric = first_pass.scoring.deciding_metric(data.task)
    candidates = [Candidate(kind, part("models", kind, **settings)) for kind, settings in models]
    return first_pass.compete(candidates, fits, scale, metric, Budget(60), 60)


def test_the_worse_half_goes_no_further_and_the_leaderboard_says_why(few_are_many, monkeypatch):
    crowded(monkeypatch)
    trained = auto(prepared("binary"), models=MODELS, budget_s=60)
    behind = {name for name, reason in left_out(trained).items() if "rows: roc_auc 0." in reason}
    assert len(behind) == 2 and "decision_tree" in behind
    assert "prior" not in behind


def test_where_everything_fits_nothing_competes(few_are_many):
    trained = auto(prepared("binary"), models=MODELS, budget_s=1000)
    assert not left_out(trained)


def test_few_rows_do_not_compete_whatever_the_budget(monkeypatch):
    crowded(monkeypatch)
    trained = auto(prepared("binary"), models=MODELS[:3], budget_s=60)
    assert not any("behind" in reason for reason in left_out(trained).values())


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_same_rows_are_drawn_each_time(task):
    models = [("lightgbm", {"iterations": 20}), ("piecewise_linear", {}), ("extra_trees", {"trees": 5})]
    first, again = compete(models, task=task), compete(models, task=task)
    assert len(first) == 1 and first == again


def test_one_that_can_not_be_fitted_is_not_judged(monkeypatch):
    def refuse(self, learn, validation, context):
        raise first_pass.ModelwrightError("not today")

    monkeypatch.setattr(type(part("models", "logistic")), "fit", refuse)
    models = [("logistic", {}), ("piecewise_linear", {}), ("decision_tree", {"max_depth": 1})]
    assert [one.name for one, _ in compete(models)] == ["decision_tree"]


def test_a_target_learnt_on_another_scale_is_scored_on_its_own():
    models = [("lightgbm", {"iterations": 50}), ("decision_tree", {"max_depth": 1})]
    (behind,) = compete(models, scale="sqrt", task="regression", skewed=True)
    assert behind[0].name == "decision_tree"


def test_the_final_graph_is_the_same_each_time(few_are_many, monkeypatch):
    crowded(monkeypatch)
    data = prepared("binary")
    first, again = (auto(data, models=MODELS, budget_s=60) for _ in range(2))
    assert graph_of(data, first) == graph_of(data, again)
