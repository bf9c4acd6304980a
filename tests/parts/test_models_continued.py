"""Models that go on from what an earlier fit left; see tests/stages/test_warm_start.py for the way there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelwright.core.errors import ArtifactError, DataError
from modelwright.fitting.fit import fit_model
from modelwright.parts import catalog
from modelwright.parts.samples import Feature, FitContext, Samples, Start

FEATURES = tuple(Feature(name) for name in "abc")
CONTEXT = FitContext("multiclass", 3, FEATURES, "log_loss", 1, 1)


def rows(count, seed, classes=3):
    random = np.random.default_rng(seed)
    target = random.integers(0, classes, count).astype(float)
    features = random.poisson(1 + target[:, None] * [1.0, 0.5, 0.0], (count, 3)).astype(float)
    return Samples(features, target, random.integers(1, 4, count).astype(float))


def left_by(fitted, folder):
    fitted.save_native(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return replace(CONTEXT, start=Start("train/v0001", files, {}))


@pytest.mark.parametrize("classes", [3, 2], ids=["all classes", "a class that came later"])
@pytest.mark.parametrize(
    "keys", [{"kind": "multinomial_naive_bayes"}, {"kind": "bernoulli_naive_bayes", "threshold": 1}]
)
def test_fitted_in_two_parts_it_is_the_same_as_fitted_at_once(keys, classes, tmp_path):
    model = catalog.load("models", keys["kind"]).model_validate(keys)
    old, new = rows(300, 0, classes), rows(200, 1)
    whole = Samples(
        np.concatenate([old.features, new.features]),
        np.concatenate([old.target, new.target]),
        np.concatenate([old.weights, new.weights]),
    )
    continued = model.fit(new, None, left_by(model.fit(old, None, CONTEXT), tmp_path))
    at_once = model.fit(whole, None, CONTEXT)
    shown = rows(100, 2).features
    np.testing.assert_allclose(continued.predict(shown), at_once.predict(shown), rtol=1e-12)
    assert np.abs(at_once.predict(shown) - model.fit(new, None, CONTEXT).predict(shown)).max() > 1e-3


def test_columns_count_as_there_above_the_thresholds_that_the_earlier_fit_found(tmp_path):
    model = catalog.load("models", "bernoulli_naive_bayes").model_validate({"kind": "bernoulli_naive_bayes"})
    old = rows(300, 0)
    far = replace(rows(200, 1), features=rows(200, 1).features + 100)
    continued = model.fit(far, None, left_by(model.fit(old, None, CONTEXT), tmp_path))
    np.testing.assert_array_equal(continued.inner.thresholds, old.features.mean(axis=0))


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_sgd_starts_where_the_earlier_fit_ended(task, tmp_path):
    random = np.random.default_rng(0)
    features = random.normal(size=(2000, 3))
    target = 40 + features @ [3.0, -2.0, 1.0]
    if task == "multiclass":
        target = np.digitize(target, [38, 42]).astype(float)
    context = replace(CONTEXT, task=task, n_classes=3 if task == "multiclass" else 0)
    model = catalog.load("models", "sgd").model_validate({"kind": "sgd", "epochs": 1})
    first = model.fit(Samples(features, target), None, context)
    start = left_by(first, tmp_path).start
    few = Samples(features[:20], target[:20])
    continued, fresh = (model.fit(few, None, one) for one in (replace(context, start=start), context))
    whole = first.predict(features)
    assert np.abs(continued.predict(features) - whole).mean() < 0.3 * np.abs(fresh.predict(features) - whole).mean()


def test_sgd_of_other_classes_is_refused(tmp_path):
    model = catalog.load("models", "sgd").model_validate({"kind": "sgd"})
    context = left_by(model.fit(rows(200, 0), None, CONTEXT), tmp_path)
    with pytest.raises(DataError, match="train/v0001 learnt other classes than these rows have"):
        model.fit(rows(200, 1, classes=2), None, context)


def test_boosted_trees_of_other_classes_are_refused(tmp_path):
    pytest.importorskip("xgboost", reason="the extra xgboost is not installed", exc_type=ImportError)
    model = catalog.load("models", "xgboost").model_validate({"kind": "xgboost", "iterations": 3})
    first = model.fit(rows(200, 0, classes=2), None, CONTEXT)
    context = left_by(first, tmp_path)
    context = replace(context, start=replace(context.start, notes=first.notes))
    with pytest.raises(DataError, match="train/v0001 learnt other classes than these rows have"):
        model.fit(rows(200, 1), None, context)
    assert model.fit(rows(200, 1, classes=2), None, context).iterations == 6


@pytest.mark.parametrize("kind", ["sgd", "multinomial_naive_bayes"])
def test_a_start_that_lacks_what_is_needed_is_refused(kind):
    model = catalog.load("models", kind).model_validate({"kind": kind})
    with pytest.raises(ArtifactError, match="left no adapter"):
        fit_model(model, rows(200, 0), None, replace(CONTEXT, start=Start("train/v0001", {}, {})))
    with pytest.raises(ArtifactError, match="left no weights"):
        model.fit(rows(200, 0), None, replace(CONTEXT, start=Start("train/v0001", {}, {})))
