"""Folds: who is in which, and what is predicted by whom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.fitting.fit import fit_model
from modelwright.fitting.folds import common_iterations, cross_validate, shortened, taken, with_iterations
from modelwright.parts import catalog
from modelwright.parts.folding import Fold, evenly, held_in_turn, together
from modelwright.parts.samples import Feature, FitContext, Samples

FEATURES = (Feature("x"), Feature("z"))
CONTEXT = FitContext("regression", 0, FEATURES, "rmse", 1, 1)


def model_of(kind, **settings):
    return catalog.load("models", kind).model_validate({"kind": kind, **settings})


def parts_of(samples):
    """What each fold learns from and predicts, where features are the same for all."""
    return lambda fold: (taken(samples, fold.learn), taken(samples, fold.held), FEATURES)


def rows(count=400):
    random = np.random.default_rng(0)
    features = random.normal(size=(count, 2))
    return Samples(features, np.sin(3 * features[:, 0]) + 0.3 * random.normal(size=count))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=10, max_size=80), st.integers(2, 5), st.integers(0, 99))
def test_equal_digests_share_a_fold_and_folds_are_even(digests, count, seed):
    digests = np.array(digests, np.int64)
    if len(np.unique(digests)) < count:
        return
    folds = evenly(digests, count, seed)
    by_digest = {}
    for digest, fold in zip(digests.tolist(), folds.tolist(), strict=True):
        assert by_digest.setdefault(digest, fold) == fold
    sizes = np.bincount(list(by_digest.values()), minlength=count)
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 9)), min_size=1, max_size=60))
def test_rows_of_a_group_have_one_key_and_groups_have_others(rows):
    digests, groups = (np.array(column, np.int64) for column in zip(*dict(rows).items(), strict=True))
    keys = together(digests, groups)
    assert len(set(zip(keys.tolist(), groups.tolist(), strict=True))) == len(set(groups.tolist())) == len(set(keys))
    np.testing.assert_array_equal(together(digests, None), digests)


def test_folds_do_not_depend_on_the_order_of_rows_but_on_the_seed():
    digests = np.arange(100) * 7919
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_array_equal(evenly(digests, 5, 1)[order], evenly(digests[order], 5, 1))
    assert (evenly(digests, 5, 1) != evenly(digests, 5, 2)).any()


def test_each_fold_has_its_share_of_a_rare_class():
    classes = (np.arange(1000) < 25).astype(float)
    folds = evenly(np.arange(1000) * 31, 5, 3, classes)
    assert np.bincount(folds[classes == 1]).tolist() == [5] * 5


def test_fewer_rows_than_folds_is_an_error():
    with pytest.raises(DataError, match="3 distinct rows"):
        evenly(np.array([1, 1, 2, 3]), 4, 0)


def test_every_row_is_predicted_by_a_model_that_did_not_see_it():
    """A forest with leaves of one row knows its own rows by heart: out of fold it must not."""
    samples = rows()
    folds = held_in_turn(evenly(np.arange(400), 4, 0))
    outside = cross_validate(
        model_of("random_forest", trees=10, min_leaf_rows=1), parts_of(samples), folds, CONTEXT, Silent()
    )
    inside = fit_model(model_of("random_forest", trees=10, min_leaf_rows=1), samples, None, CONTEXT)
    error = lambda predicted: np.mean((predicted - samples.target) ** 2)  # noqa: E731
    assert error(outside.predictions) > 2 * error(inside.predict(samples.features))
    assert outside.iterations is None


def test_rows_that_no_fold_holds_out_are_not_predicted():
    samples = rows()
    places = np.arange(400)
    folds = [Fold(places < start, (places >= start) & (places < start + 100)) for start in (100, 200)]
    outside = cross_validate(model_of("ridge"), parts_of(samples), folds, CONTEXT, Silent())
    assert np.flatnonzero(outside.rows).tolist() == list(range(100, 300))
    for at, fold in enumerate(folds):
        alone = fit_model(model_of("ridge"), taken(samples, fold.learn), None, CONTEXT)
        expected = alone.predict(samples.features[fold.held])
        np.testing.assert_array_equal(outside.predictions[at * 100 : (at + 1) * 100], expected)


def test_all_folds_use_the_iteration_count_of_the_averaged_curve():
    samples = rows()
    folds = held_in_turn(evenly(np.arange(400), 4, 0))
    model = model_of("lightgbm", iterations=300, learning_rate=0.2, early_stopping_rounds=20)
    outside = cross_validate(model, parts_of(samples), folds, CONTEXT, Silent())
    values = [step["validation"] for step in outside.curve]
    assert outside.iterations == int(np.argmin(values)) + 1
    assert len({note["iterations"] for note in outside.notes}) > 1, "each fold alone would have stopped elsewhere"


def test_a_model_that_never_stops_early_keeps_all_its_iterations_in_folds():
    samples = rows()
    model = model_of("lightgbm", iterations=40, learning_rate=0.5, early_stopping_rounds=None)
    folds = held_in_turn(evenly(np.arange(400), 4, 0))
    outside = cross_validate(model, parts_of(samples), folds, CONTEXT, Silent())
    assert outside.iterations is None and len(outside.curve) == 40
    assert {note["iterations"] for note in outside.notes} == {40}


def test_a_truncated_model_is_the_model_fitted_for_fewer_iterations():
    samples = rows()
    long = fit_model(model_of("lightgbm", iterations=60), samples, None, CONTEXT)
    short = fit_model(with_iterations(model_of("lightgbm", iterations=60), 20), samples, None, CONTEXT)
    np.testing.assert_array_equal(shortened(long, 20).predict(samples.features), short.predict(samples.features))


def test_models_without_iterations_are_left_as_they_are():
    ridge = model_of("ridge")
    assert with_iterations(ridge, 7) is ridge
    fitted = fit_model(ridge, rows(), None, CONTEXT)
    assert shortened(fitted, 7) is fitted
    assert common_iterations([fitted]) == (None, [])


def test_taken_takes_weights_along():
    samples = Samples(np.arange(6.0).reshape(3, 2), np.arange(3.0), np.array([1.0, 2.0, 3.0]))
    assert taken(samples, np.array([2, 0])).weights.tolist() == [3, 1]
