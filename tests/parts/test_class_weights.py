"""`class_weight: balanced` and rows' own weights mean the same in every model that has them."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.core.errors import SpecError
from modelwright.fitting.fit import fit_model
from modelwright.parts import catalog
from modelwright.parts.samples import Feature, FitContext, Samples

FEATURES = (Feature("x"), Feature("z"))
FAST = {kind: {"iterations": 40} for kind in ("lightgbm", "hist_gradient_boosting", "xgboost", "catboost")}
FAST |= {kind: {"trees": 25, "min_leaf_rows": 5} for kind in ("random_forest", "extra_trees")}
FAST |= {"decision_tree": {"max_depth": 4}}
WEIGHING = [
    kind
    for kind in catalog.builtin_kinds("models")
    if "class_weight" in catalog.load("models", kind).model_fields and kind not in ("mlp", "tabm")
]


def rare(seed=0, rows=1500):
    """One row in twelve is of the second class; both overlap."""
    random = np.random.default_rng(seed)
    truth = (random.random(rows) < 1 / 12).astype(float)
    return Samples(random.normal(size=(rows, 2)) + 1.2 * truth[:, None], truth)


def fitted(kind, learn, **keys):
    if kind in ("xgboost", "catboost"):
        pytest.importorskip(kind, reason=f"the extra {kind} is not installed", exc_type=ImportError)
    model = catalog.load("models", kind).model_validate({"kind": kind, **FAST.get(kind, {}), **keys})
    task = "binary" if set(np.unique(learn.target)) <= {0.0, 1.0} else "regression"
    return fit_model(model, learn, None, FitContext(task, 2 if task == "binary" else 0, FEATURES, "log_loss", 1, 1))


def test_the_models_that_should_can_balance_classes():
    assert {"lightgbm", "logistic", "random_forest", "extra_trees", "sgd", "svm", "xgboost", "catboost"} <= set(
        WEIGHING
    )


@pytest.mark.parametrize("kind", WEIGHING)
def test_balanced_classes_make_the_rare_one_as_likely_as_the_other(kind):
    other = rare(1).features
    plain, balanced = (fitted(kind, rare(), **keys).predict(other)[:, 1] for keys in ({}, {"class_weight": "balanced"}))
    assert plain.mean() == pytest.approx(1 / 12, abs=0.06)
    assert balanced.mean() > plain.mean() + 0.15
    recalled = [(found >= 0.5)[rare(1).target == 1].mean() for found in (plain, balanced)]
    assert recalled[1] > recalled[0]


@pytest.mark.parametrize("kind", WEIGHING)
def test_balanced_is_what_weights_by_class_say(kind):
    """A row of a class with one row in twelve counts eleven times as much as one of the others."""
    learn, other = rare(), rare(1).features
    share = learn.target.mean()
    weights = np.where(learn.target == 1, 0.5 / share, 0.5 / (1 - share))
    by_key = fitted(kind, learn, class_weight="balanced").predict(other)[:, 1]
    by_rows = fitted(kind, Samples(learn.features, learn.target, weights)).predict(other)[:, 1]
    assert np.corrcoef(by_key, by_rows)[0, 1] > 0.97
    assert by_key.mean() == pytest.approx(by_rows.mean(), abs=0.05)


@pytest.mark.parametrize("kind", [kind for kind in WEIGHING if "regression" in catalog.load("models", kind).tasks])
def test_balancing_is_refused_where_there_are_no_classes(kind):
    learn = rare()
    values = Samples(learn.features, learn.features[:, 0] + 2)
    with pytest.raises(SpecError, match="class_weight"):
        fitted(kind, values, class_weight="balanced")
