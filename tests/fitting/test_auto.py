"""A portfolio: every model on the same folds, a mean of them where it is better, one graph that says the same."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fitting.small_tables import prepared, table
from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.fitting import scoring
from modelwright.fitting.agreement import agreement
from modelwright.fitting.auto import choose
from modelwright.fitting.fit import compile_model
from modelwright.fitting.members import FoldFits
from modelwright.fitting.training import Recipe
from modelwright.parts import catalog

SMALL = (
    ("lightgbm", {"iterations": 60, "leaves": 8, "learning_rate": 0.1}),
    ("prior", {}),
    ("piecewise_linear", {}),
    ("random_forest", {"trees": 10}),
)
PLENTY = 3600.0


class Said(Silent):
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


def part(room, kind, **settings):
    return catalog.load(room, kind).model_validate({"kind": kind, **settings})


def auto(data, validation=None, refit="none", *, models=SMALL, threads=1, progress=None, **keys):
    keys = {"budget_s": PLENTY, "max_models": len(models), **keys}
    found = [part("models", kind, **settings) for kind, settings in models]
    validation = validation or part("validations", "kfold", folds=3)
    recipe = Recipe(part("models", "auto", **keys), validation, refit, 3, threads)
    return choose(data, recipe, found, progress or Silent())


def graph_of(data, trained):
    return compile_model(trained.features.model, trained.fitted, data.task, data.schema)


def score(data, trained):
    predictions = scoring.of_scores(data.task, data.schema, trained.judged, trained.scores)
    return scoring.point_score(scoring.deciding_metric(data.task), predictions)


WAYS = [
    (part("validations", "holdout"), "none"),
    (part("validations", "holdout"), "learn+validation"),
    (part("validations", "kfold", folds=3), "none"),
    (part("validations", "kfold", folds=3), "learn+validation"),
    (part("validations", "kfold", folds=3, strict=True), "learn+validation"),
]


@pytest.mark.parametrize(("validation", "refit"), WAYS, ids=lambda value: getattr(value, "kind", value))
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_an_ensemble_is_one_graph_that_says_what_its_members_say(task, validation, refit):
    metric = None if task == "regression" else "log_loss"
    data = prepared(task, 2000 if validation.kind == "holdout" else 900, metric=metric)
    trained = auto(data, validation, refit)
    assert trained.name == "ensemble", "the data is made so that several models are better together"
    found = agreement(graph_of(data, trained), trained.features, trained.fitted, data.task, data.validation)
    assert found["graph_to_native"] <= 1e-9
    assert {size for sizes in found["batch_sizes"].values() for size in sizes.values()} == {0.0}
    assert sum(member["weight"] for member in trained.fitted.notes["members"]) == pytest.approx(1)
    assert sum(trained.fitted.importance.values()) == pytest.approx(1)


@pytest.mark.parametrize("refit", ["none", "learn+validation"])
def test_same_spec_same_bytes_with_any_number_of_threads(refit):
    data = prepared("binary")
    runs = [auto(data, refit=refit, threads=threads) for threads in (1, 1, 3)]
    assert len({graph_of(data, trained) for trained in runs}) == 1
    assert runs[0].leaderboard == runs[1].leaderboard == runs[2].leaderboard


def test_boosted_trees_of_all_folds_become_one_node():
    data = prepared("regression")
    bagged = auto(data, refit="learn+validation", models=SMALL[:1])
    assert bagged.fitted.notes["averaged_models"] == 3
    assert graph_of(data, bagged).count(b"TreeEnsemble") == 1
    alone = auto(data, refit="learn+validation", models=SMALL[:1], prefer="size")
    assert "averaged_models" not in alone.fitted.notes
    assert len(graph_of(data, alone)) < len(graph_of(data, bagged))


def test_the_leaderboard_tells_of_all_that_was_tried():
    trained = auto(prepared("binary", 900))
    board = trained.leaderboard
    assert [entry["rank"] for entry in board] == [1, 2, 3, 4, 5]
    assert board[0]["name"] == "ensemble" and board[-1]["name"] == "prior"
    values = [entry["score"]["value"] for entry in board]
    assert values == sorted(values, reverse=True)
    assert all(entry["score"]["low"] <= entry["score"]["value"] <= entry["score"]["high"] for entry in board)
    assert all(entry["bytes"] > 0 and entry["us_per_row"] > 0 for entry in board)
    assert sum(entry["weight"] for entry in board[1:]) == pytest.approx(1)
    assert set(trained.durations_s) >= {"fit lightgbm", "fit prior"}


def test_who_chose_what_is_said():
    data = prepared("binary", 2000, metric="log_loss")
    trained = auto(data, part("validations", "holdout"))
    assert (
        trained.chosen_by["weights"] == trained.chosen_by["scores"] == trained.chosen_by["iterations"] == "validation"
    )
    assert trained.chosen_by["model"] == "learn"
    assert len(trained.scores) == data.validation.num_rows
    assert len(trained.fitted_rows) == data.pool.num_rows, "rows that chose count as fitted on"
    folded = auto(data, refit="learn+validation")
    assert folded.chosen_by["weights"].startswith("out of fold") and folded.chosen_by["model"] == "learn and validation"
    assert len(folded.scores) == data.pool.num_rows


def test_rows_without_any_signal_are_not_predicted():
    """A row that had been seen by the model that predicts it would be predicted too well."""
    random = np.random.default_rng(5)
    tables = []
    for seed, rows in ((0, 600), (1, 200)):
        noise = pa.array(np.where(random.random(rows) > 0.5, "yes", "no").tolist(), pa.string())
        tables.append(table("binary", rows, seed).set_column(5, "y", noise))
    data = prepared("binary", learn=tables[0], validation=tables[1])
    for strict in (False, True):
        found = score(data, auto(data, part("validations", "kfold", folds=4, strict=strict)))
        assert found < 0.58, "roc_auc of coin tosses"


def test_rows_of_one_group_are_never_on_both_sides():
    """Both of a household toss the same coin, so whoever has seen one knows the other."""
    random = np.random.default_rng(5)
    learn = table("binary", 600, 0)
    tosses = np.repeat(random.random(300) > 0.5, 2)
    twins = learn.set_column(5, "y", pa.array(np.where(tosses, "yes", "no").tolist(), pa.string()))
    places = pa.array(np.repeat(random.normal(size=300), 2))
    twins = twins.set_column(2, "x", places)
    alone = prepared(
        "binary", learn=twins, validation=twins.slice(0, 0), steps=[part("features", "drop", columns=["word", "z"])]
    )
    together = prepared(
        "binary",
        learn=twins,
        validation=twins.slice(0, 0),
        group="household",
        steps=[part("features", "drop", columns=["word", "z"])],
    )
    forest = (("random_forest", {"trees": 20}),)
    assert score(alone, auto(alone, models=forest)) > 0.62
    assert score(together, auto(together, models=forest)) < 0.57


def test_few_rows_are_divided_into_eight_folds_unless_the_spec_says_how_many():
    data = prepared("regression")
    fewer = auto(data, part("validations", "kfold", folds=3), models=SMALL[:1])
    assert fewer.search["folds"] == 3
    assert auto(data, part("validations", "kfold"), models=SMALL[:1]).search["folds"] == 8


def test_a_budget_too_small_for_one_model_still_gives_that_one_and_says_so():
    said = Said()
    trained = auto(prepared("binary"), budget_s=1e-6, progress=said)
    assert trained.model.kind == "lightgbm" and trained.search["ended"] == "the budget was spent"
    left_out = [entry for entry in trained.leaderboard if entry["rank"] is None]
    assert [entry["name"] for entry in left_out][-1] == "random_forest"
    assert {entry["not_ranked_because"] for entry in left_out} == {"the budget of 1e-06 s would not suffice"}


def test_what_is_left_of_the_budget_goes_to_other_seeds():
    trained = auto(prepared("binary"), max_models=None)
    names = [entry["name"] for entry in trained.leaderboard]
    assert any(", seed 2" in name for name in names)
    assert trained.search["ended"] in ("more seeds no longer helped", "all models were tried")


def test_a_model_that_can_not_be_fitted_is_no_reason_to_stop(monkeypatch):
    from modelwright.parts.models.lightgbm import LightGBM

    def fails(self, learn, validation, context):
        raise DataError("the moon is full")

    monkeypatch.setattr(LightGBM, "fit", fails)
    trained = auto(prepared("binary"))
    assert (
        next(entry for entry in trained.leaderboard if entry["name"] == "lightgbm")["not_ranked_because"]
        == "the moon is full"
    )
    with pytest.raises(DataError, match="no candidate could be fitted; lightgbm: the moon is full"):
        auto(prepared("binary"), models=SMALL[:1])


def test_ctrl_c_keeps_what_was_found_and_marks_it(monkeypatch):
    fit = FoldFits.fit

    def interrupted(self, candidate, scale, numbers):
        if candidate.name == "piecewise_linear":
            raise KeyboardInterrupt
        return fit(self, candidate, scale, numbers)

    monkeypatch.setattr(FoldFits, "fit", interrupted)
    trained = auto(prepared("binary"))
    assert trained.model.kind == "lightgbm" and trained.search["ended"] == "interrupted: partial"
    reasons = {entry["name"]: entry["not_ranked_because"] for entry in trained.leaderboard if entry["rank"] is None}
    assert reasons == {"piecewise_linear": "interrupted", "random_forest": "interrupted"}
    monkeypatch.setattr(FoldFits, "fit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        auto(prepared("binary"))


@pytest.mark.parametrize("refit", ["none", "learn+validation"])
def test_a_skewed_target_is_learnt_on_the_scale_that_scores_best(refit):
    data = prepared("regression", 600, skewed=True)
    said = Said()
    trained = auto(data, refit=refit, progress=said)
    assert any(line.startswith("the target leans to the right") for line in said.lines)
    assert trained.chosen_by["scale of the target"].startswith("out of fold")
    found = agreement(graph_of(data, trained), trained.features, trained.fitted, data.task, data.validation)
    assert found["graph_to_native"] <= 1e-9 * 100
    assert {size for sizes in found["batch_sizes"].values() for size in sizes.values()} == {0.0}
    assert trained.scores.min() >= 0
    plain = prepared("regression", 600)
    assert "scale of the target" not in auto(plain, refit=refit).chosen_by


@pytest.mark.parametrize("prefer", ["size", "speed"])
def test_speed_and_size_choose_one_small_model_among_equals(prefer):
    data = prepared("regression")
    models = (("random_forest", {"trees": 100}), ("random_forest", {"trees": 60}), ("prior", {}))
    trained = auto(data, prefer=prefer, models=models)
    assert trained.name == "" and prefer in trained.search["chosen"]
    assert trained.model.trees == 60, "within one standard error of the best, as the prior is not"


def test_interpretable_tries_models_that_can_be_read():
    kinds = {model.kind for model in part("models", "auto", prefer="interpretable").candidates("binary")}
    assert kinds == {"piecewise_linear", "prior", "logistic", "decision_tree"}


def test_nothing_exceeds_the_bytes_that_are_allowed():
    data = prepared("regression")
    trained = auto(data, max_mb=0.03)
    assert len(trained.fitted.compile(*_graph(trained))) > 0
    assert len(graph_of(data, trained)) < 45_000, "its features come on top"
    assert max(entry["bytes"] for entry in trained.leaderboard) > 30_000, "something was too large"


def _graph(trained):
    from modelwright.graph.builder import GraphBuilder

    graph = GraphBuilder()
    return graph, graph.matrix_input("features", len(trained.features.features))


def test_repeated_rows_share_a_fold():
    learn = table("binary", 200, 0)
    doubled = pa.concat_tables([learn, learn])
    data = prepared("binary", learn=doubled)
    from modelwright.fitting.shared_folds import shared_folds

    shared = shared_folds(data, part("validations", "kfold"), 3)
    digests = np.asarray(data.pool.column(ROW_DIGEST))
    for fold in shared.folds:
        assert not set(digests[fold.held]) & set(digests[fold.learn])
    assert shared.complementary


def test_where_nothing_can_be_learnt_the_baseline_wins_and_is_a_graph_too():
    random = np.random.default_rng(6)
    noise = table("regression", 400, 0)
    noise = noise.set_column(5, "y", pa.array(random.normal(size=400)))
    data = prepared("regression", learn=noise, validation=noise.slice(0, 0))
    trained = auto(data, models=(("random_forest", {"trees": 5}), ("prior", {})), refit="learn+validation")
    assert trained.model.kind == "prior"
    assert agreement(graph_of(data, trained), trained.features, trained.fitted, data.task, data.learn)["largest"] == 0.0
