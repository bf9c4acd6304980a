"""Steps that see the target find something in pure noise; the scores of train must not believe them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.core.progress import Silent
from modelwright.fitting.features import fit_features
from modelwright.fitting.prepared import Prepared
from modelwright.fitting.training import Recipe, Trained, train
from modelwright.parts import catalog
from modelwright.parts.samples import Target
from modelwright.parts.tasks.binary import Binary

ROWS = 600
NUMBERS = [f"x{number}" for number in range(80)]
NOTHING_FOUND = 0.59  # of roc_auc; a chance of about 1 in 300 for 300 rows, were they drawn again
SCHEMA = Schema(
    (
        Column("place", "category"),
        *(Column(name, "number") for name in NUMBERS),
        Column("y", "category", role="target", categories=("no", "yes")),
    ),
    classes=("no", "yes"),
)
HOLDOUT, KFOLD = {"kind": "holdout"}, {"kind": "kfold", "folds": 4}


def noise() -> pa.Table:
    """A place with 250 values, eighty numbers, and a coin that knows of none of them."""
    draw = np.random.default_rng(5)
    columns: dict[str, Any] = {"place": [f"p{place}" for place in draw.integers(250, size=ROWS)]}
    columns |= {name: draw.normal(size=ROWS) for name in NUMBERS}
    columns["y"] = [("no", "yes")[side] for side in draw.integers(2, size=ROWS)]
    columns[ROW_DIGEST] = draw.permutation(10**9 + np.arange(ROWS))
    return pa.table(columns)


def prepared(*steps: dict[str, Any]) -> Prepared:
    table, task = noise(), Binary(kind="binary", target="y")
    learn, validation = table.slice(0, 300), table.slice(300)
    target = Target(task.encode(learn["y"].combine_chunks(), SCHEMA), 2)
    made: list[Any] = [catalog.load("features", step["kind"]).model_validate(step) for step in steps]
    return Prepared(task, SCHEMA, learn, validation, fit_features(made, learn, SCHEMA, target, 3))


def trained(data: Prepared, model: dict[str, Any], validation: dict[str, Any]) -> Trained:
    made: Any = catalog.load("models", model["kind"]).model_validate(model)
    judge: Any = catalog.load("validations", validation["kind"]).model_validate(validation)
    return train(data, Recipe(made, judge, "none", 3, 1), Silent())


def auc(data: Prepared, found: Trained) -> float:
    return float(roc_auc_score(data.target(found.judged), found.scores[:, 1]))


BY_TARGET = ({"kind": "drop", "columns": NUMBERS}, {"kind": "target", "columns": ["place"], "smooth": 1})
MODELS = {"logistic": {"kind": "logistic"}, "lightgbm": {"kind": "lightgbm", "iterations": 40}}


@pytest.mark.parametrize("validation", [HOLDOUT, KFOLD], ids=lambda said: said["kind"])
@pytest.mark.parametrize("model", MODELS)
def test_a_place_that_means_nothing_is_not_believed(model: str, validation: dict[str, Any]) -> None:
    data = prepared(*BY_TARGET)
    found = trained(data, MODELS[model], validation)
    assert auc(data, found) < NOTHING_FOUND
    assert found.scores[:, 1].std() < 0.12, "there was nothing to be sure of in the values of other rows' fits"


def test_the_graph_holds_the_fit_on_all_rows_of_learn() -> None:
    """There every row's own target is in the value, which is why a model must not learn from it."""
    data = prepared(*BY_TARGET)
    truth, places = data.target(data.learn), np.array(data.learn["place"].to_pylist())
    values = trained(data, MODELS["logistic"], HOLDOUT).features.transform(data.learn)[:, 0]
    for place in np.unique(places):
        own = truth[places == place]
        assert values[places == place] == pytest.approx((own.sum() + truth.mean()) / (len(own) + 1), rel=1e-12)
    assert roc_auc_score(truth, values) > 0.8, "what a model would be taken in by"
    assert roc_auc_score(truth, data.learn_samples.features[:, 0]) < NOTHING_FOUND, "what it learns from"


SELECTIONS: dict[str, dict[str, Any]] = {
    "importance_selection": {"top": 8},
    "l1_selection": {"penalty": 15},
    "mutual_information": {"top": 8},
    "permutation_selection": {"top": 8, "deviations": 0, "repeats": 2},
    "recursive_elimination": {"top": 8, "step": 0.3},
}


def test_every_step_that_sees_the_target_is_here() -> None:
    steps: list[Any] = [catalog.load("features", kind) for kind in catalog.builtin_kinds("features")]
    supervised = {step.model_fields["kind"].default for step in steps if step.supervised}
    assert supervised == {"target", *SELECTIONS}


@pytest.mark.parametrize("kind", SELECTIONS)
def test_columns_chosen_from_noise_score_as_noise(kind: str) -> None:
    """On learn they may look good; out of fold and on validation they do not."""
    data = prepared({"kind": "drop", "columns": ["place"]}, {"kind": kind, **SELECTIONS[kind]})
    assert 0 < len(data.features.features) < 20
    for validation in (HOLDOUT, KFOLD):
        found = trained(data, MODELS["logistic"], validation)
        assert auc(data, found) < NOTHING_FOUND, validation
    assert found.chosen_by["features of each fold"] == "the rows that it learns from"
    assert found.features is data.features, "the graph holds what was chosen on learn"
    fooled = cross_val_score(
        LogisticRegression(), data.features.transform(data.learn), data.target(data.learn), cv=4, scoring="roc_auc"
    )
    if kind == "recursive_elimination":
        assert fooled.mean() > NOTHING_FOUND + 0.04, "chosen on all rows, they would have been believed"


@pytest.mark.parametrize("strict", [False, True])
def test_steps_without_the_target_are_fitted_again_in_each_fold_if_asked(
    strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[int] = []
    standardize: Any = catalog.load("features", "standardize")
    fit = standardize.fit
    monkeypatch.setattr(
        standardize, "fit", lambda self, columns, target: fitted.append(columns.rows) or fit(self, columns, target)
    )
    data = prepared({"kind": "drop", "columns": ["place"]}, {"kind": "standardize"})
    found = trained(data, MODELS["logistic"], {**KFOLD, "strict": strict})
    assert fitted[0] == 300 and len(fitted) == (5 if strict else 1)
    assert all(400 < rows < 500 for rows in fitted[1:])
    assert found.chosen_by["features of each fold"] == ("the rows that it learns from" if strict else "learn")
