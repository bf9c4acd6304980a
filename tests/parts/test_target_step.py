"""Target encoding is scikit-learn's, and what a model learns from does not give a row's own target away."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import TargetEncoder

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.core.errors import SpecError
from modelwright.fitting.features import fit_features, fit_learn_matrix
from modelwright.graph import encoders, parity
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.samples import Target

SCHEMA = Schema((Column("c", "category"), Column("d", "category"), Column("y", "number", role="target")))
WORDS = st.sampled_from(["", "a", "b", "c", "б", "rare", " a"])
TYPES = {0: "continuous", 2: "binary", 3: "multiclass"}


def step(**settings):
    return catalog.load("features", "target").model_validate({"kind": "target", **settings})


def text(values):
    return pa.array([value or None for value in values], pa.string())


def table(c, d):
    return pa.table({"c": text(c), "d": text(d)})


@given(
    st.lists(st.tuples(WORDS, WORDS, st.integers(0, 99)), min_size=1, max_size=80),
    st.sampled_from([0, 2, 3]),
    st.sampled_from(["auto", 0.0, 3.5]),
)
def test_the_full_fit_is_that_of_scikit_learn(rows, classes, smooth):
    c, d, numbers = (list(column) for column in zip(*rows, strict=True))
    y = np.array(numbers, np.float64)
    if classes:
        y = np.concatenate([y % classes, np.arange(classes)])  # every class occurs
        c, d = [*c, *["a"] * classes], [*d, *["b"] * classes]
    features = fit_features([step(smooth=smooth)], table(c, d), SCHEMA, Target(y, classes), 0)
    twin = TargetEncoder(smooth=smooth, target_type=TYPES[classes]).fit(np.array([c, d], object).T, y)
    new_c, new_d = ["", "a", "b", "c", "б", "rare", " a", "new"], ["new", "", "a", "b", "c", "c", "c", "c"]
    expected = twin.transform(np.array([new_c, new_d], object).T)
    np.testing.assert_allclose(features.transform(table(new_c, new_d)), expected, rtol=0, atol=1e-9)


def test_columns_of_several_classes_are_numbered_and_none_is_named_twice():
    features = fit_features([step(keep=False)], table("aab", "xyz"), SCHEMA, Target(np.arange(3.0), 3), 0)
    assert [feature.name for feature in features.features] == [
        f"{name}_class_{code}" for name in "cd" for code in range(3)
    ]


def test_missing_is_a_value_if_learn_had_it_and_else_like_the_unknown():
    y = Target(np.array([0.0, 0.0, 10.0, 10.0]), 0)
    features = fit_features([step(smooth=0)], table(["a", "a", "", ""], "xxxx"), SCHEMA, y, 0)
    found = features.transform(table(["", "new", "a"], ["", "new", "x"]))
    np.testing.assert_allclose(found, [[10, 5], [5, 5], [0, 5]])


def test_rarer_values_than_are_remembered_get_the_mean_of_all():
    y = Target(np.arange(6.0), 0)
    features = fit_features([step(smooth=0, max_categories=1)], table("aaabbc", "xxxxxx"), SCHEMA, y, 0)
    np.testing.assert_allclose(features.transform(table("abc", "xxx"))[:, 0], [1, 2.5, 2.5])


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows(rows):
    learn = table(["a"] * rows, ["x"] * rows)
    features, matrix = fit_learn_matrix([step()], learn, SCHEMA, Target(np.full(rows, 7.0), 0), 0)
    assert matrix.shape == (rows, 2)
    np.testing.assert_array_equal(matrix, np.full((rows, 2), 7.0))
    assert features.transform(table("ab", "xy")).shape == (2, 2)


def test_equal_bits_at_every_batch_size():
    random = np.random.default_rng(0)
    words = random.integers(0, 30, (2, 500)).astype(str).tolist()
    features = fit_features([step()], table(*words), SCHEMA, Target(random.normal(size=500), 0), 0)
    scorer = Scorer(features.model)
    sizes = parity.over_batch_sizes(scorer, encoders.feed(scorer.inputs, table(*words)), (1, 7, 64))
    assert {difference for size in sizes.values() for difference in size.values()} == {0.0}


def test_numbers_and_a_missing_target_are_refused():
    numbers = Schema((Column("x", "number"),))
    with pytest.raises(SpecError, match='"x"'):
        fit_features([step(columns="x")], pa.table({"x": [1.0]}), numbers, Target(np.ones(1), 0), 0)
    with pytest.raises(SpecError, match="learns from one target, and the task has none"):
        fit_features([step()], table("a", "b"), SCHEMA, None, 0)


# --- cross-fitting ----------------------------------------------------------------------------------------------------

ROWS, VALUES = 4000, 1500


@pytest.fixture(scope="module")
def noise():
    """A category of very many values, and a target that has nothing to do with it."""
    random = np.random.default_rng(1)
    digests = pa.array(random.integers(-(2**63), 2**63 - 1, ROWS))
    words = [f"value {code}" for code in random.integers(0, VALUES, ROWS)]
    learn = pa.table({ROW_DIGEST: digests, "c": text(words), "d": text(["x"] * ROWS)})
    return learn, random.normal(size=ROWS)


def test_learn_rows_do_not_see_their_own_target(noise):
    learn, y = noise
    features, matrix = fit_learn_matrix([step(smooth=1.0)], learn, SCHEMA, Target(y, 0), 0)
    in_sample = np.corrcoef(features.transform(learn)[:, 0], y)[0, 1]
    outside = np.corrcoef(matrix[:, 0], y)[0, 1]
    assert in_sample > 0.5, "the full fit knows its own rows"
    assert abs(outside) < 0.05


def test_each_learn_row_is_encoded_by_the_fit_on_the_other_folds(noise):
    from modelwright.fitting.cross_fitting import cross_folds
    from modelwright.fitting.learn_rows import rows_of

    learn, y = noise
    folds = cross_folds(rows_of(learn), SCHEMA, 5)
    assert np.bincount(folds).min() > ROWS / 5 * 0.85
    _, matrix = fit_learn_matrix([step()], learn, SCHEMA, Target(y, 0), 5)
    for fold in range(5):
        others = folds != fold
        fitted = fit_features([step()], learn.filter(pa.array(others)), SCHEMA, Target(y[others], 0), 5)
        held = learn.filter(pa.array(~others))
        np.testing.assert_array_equal(matrix[~others], fitted.transform(held))


def test_rows_of_a_group_are_encoded_by_one_fit():
    """Else a row could be told its target by its fellow."""
    random = np.random.default_rng(2)
    patients = [f"patient {code}" for code in random.integers(0, 300, ROWS)]
    per_patient = dict(zip(sorted(set(patients)), random.normal(size=300), strict=False))
    y = np.array([per_patient[name] for name in patients])
    learn = pa.table({"c": text(patients), "d": text(["x"] * ROWS), "patient": text(patients)})
    schema = Schema((*SCHEMA.columns, Column("patient", "text", role="entity")), group="patient")
    alone = fit_learn_matrix([step()], learn, SCHEMA, Target(y, 0), 0)[1][:, 0]
    together = fit_learn_matrix([step()], learn, schema, Target(y, 0), 0)[1][:, 0]
    assert np.corrcoef(alone, y)[0, 1] > 0.9
    assert np.corrcoef(together, y)[0, 1] < 0


def test_later_steps_see_what_the_model_will_see(noise):
    learn, y = noise
    scale = catalog.load("features", "standardize").model_validate({"kind": "standardize", "columns": "c"})
    plain = fit_learn_matrix([step()], learn, SCHEMA, Target(y, 0), 0)[1]
    _, matrix = fit_learn_matrix([step(), scale], learn, SCHEMA, Target(y, 0), 0)
    column = plain[:, 0]
    standardized = matrix[:, [abs(matrix[:, at].std() - 1) < 1e-6 for at in range(2)].index(True)]
    np.testing.assert_allclose(standardized, (column - column.mean()) / column.std(), atol=1e-9)
