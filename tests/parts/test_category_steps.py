"""frequency, rare, hashing and one_hot say what their twins in scikit-learn and pandas say, for any words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import OneHotEncoder

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import SpecError
from modelwright.fitting.features import fit_features
from modelwright.graph.running import Scorer
from modelwright.parts import catalog

BATCHES = (1, 7, 64)
WORDS = (
    st.none()
    | st.sampled_from(["", "a", "A", " a", "nan", "None", "<rare>", "é", "e\u0301", "\U0001f600", "x" * 40, "a\x00b"])
    | st.text(max_size=3)
)
COLUMN = st.lists(WORDS, min_size=1, max_size=30)
REPEATED = st.lists(st.none() | st.sampled_from(["", *"abcdefg"]), min_size=1, max_size=60)


def step(kind, **options):
    return catalog.load("features", kind).model_validate({"kind": kind, **options})


def fitted(steps, *columns, column_type="category"):
    table = pa.table({f"c{at}": pa.array(values, pa.string()) for at, values in enumerate(columns)})
    schema = Schema(tuple(Column(name, column_type, nullable=True) for name in table.column_names))
    return fit_features(steps, table, schema, None, 0)


def asked(features, *columns):
    """The features of some rows; the same bits at every batch size, and nothing of nothing."""
    table = pa.table({f"c{at}": pa.array(values, pa.string()) for at, values in enumerate(columns)})
    whole = features.transform(table)
    scorer = Scorer(features.model)
    for size in BATCHES:
        np.testing.assert_array_equal(scorer.run_table(table, size)["features"].view(np.int64), whole.view(np.int64))
    assert features.transform(table.slice(0, 0)).shape == (0, len(features.features))
    return whole


@given(COLUMN, COLUMN, st.sampled_from(["share", "count"]))
def test_frequency_is_that_of_pandas(learn, rows, measure):
    counts = pd.Series([word or None for word in learn], dtype=object).value_counts(normalize=measure == "share")
    expected = [float(counts.get(word, 0)) if word else math.nan for word in rows]
    found = asked(fitted([step("frequency", measure=measure)], learn), rows)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_frequency_remembers_the_most_frequent_only():
    features = fitted([step("frequency", max_categories=2, measure="count")], list("aaabbc"))
    np.testing.assert_array_equal(asked(features, ["a", "b", "c"])[:, 0], [3, 2, 0])


@given(COLUMN, COLUMN, st.integers(1, 3))
def test_rare_then_one_hot_keeps_what_is_frequent(learn, rows, least):
    learnt = [word if word and word != "<rare>" else "a" for word in learn]
    kept = sorted({word for word in learnt if learnt.count(word) >= least})
    others = "<rare>" if len(kept) < len(set(learnt)) else None
    labels = sorted([*kept, *([others] if others else [])])
    grouped = [word if word in kept or not word else "<rare>" for word in ((row or "") for row in rows)]
    expected = np.array([[float(word == label) for label in labels] for word in grouped])
    steps = [step("rare", min_count=least), step("one_hot")]
    np.testing.assert_array_equal(asked(fitted(steps, learnt), rows), expected)


@given(REPEATED, REPEATED, st.integers(1, 8))
def test_rare_and_one_hot_are_scikit_learns_one_hot_encoder(learn, rows, least):
    learn, rows = ([word for word in words if word] for words in (["a", *learn], rows))
    twin = OneHotEncoder(min_frequency=least, handle_unknown="infrequent_if_exist", sparse_output=False)
    twin.fit(np.array(learn)[:, None])
    expected = (
        twin.transform(np.array(rows, "U1")[:, None]) if rows else np.zeros((0, len(twin.get_feature_names_out())))
    )
    steps = [step("rare", min_count=least, name="~"), step("one_hot")]  # ~ sorts last, as the group does there
    np.testing.assert_array_equal(asked(fitted(steps, learn), rows), expected)


@given(REPEATED, REPEATED)
def test_one_hot_is_scikit_learns_with_unknown_values_ignored(learn, rows):
    learnt, words = ([word or "" for word in values] for values in (learn, rows))
    known = sorted(set(learnt) - {""}) + ([""] if "" in learnt else [])
    twin = OneHotEncoder(categories=[np.array(known, object)], handle_unknown="ignore", sparse_output=False)
    expected = twin.fit(np.array(learnt, object)[:, None]).transform(np.array(words, object)[:, None])
    np.testing.assert_array_equal(asked(fitted([step("one_hot")], learn), rows), expected)


def test_one_hot_and_ordinal_keep_the_most_frequent_of_many_values():
    learn = [f"v{at // 3}" for at in range(300)] + ["often"] * 5
    features = fitted([step("one_hot", max_categories=4, keep=True), step("ordinal", max_categories=2)], learn)
    names = [feature.name for feature in features.features]
    assert names == ["c0=often", "c0=v0", "c0=v1", "c0=v10", "c0"]
    np.testing.assert_array_equal(asked(features, ["often", "v99"]), [[1, 0, 0, 0, 0], [0, 0, 0, 0, math.nan]])


@pytest.mark.parametrize("settings_of_rare", [{"min_count": 1, "min_share": 0.25}, {"min_count": 2}])
def test_rare_counts_rows_or_shares(settings_of_rare):
    features = fitted([step("rare", **settings_of_rare), step("one_hot")], [*"aabbbc", None, None])
    assert [feature.name for feature in features.features] == ["c0=<rare>", "c0=a", "c0=b", "c0=<missing>"]
    found = asked(features, ["c", "new", "a", None])
    np.testing.assert_array_equal(found, [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


def test_rare_keeps_no_more_than_it_may():
    features = fitted([step("rare", min_count=1, max_categories=1), step("one_hot")], list("aabbbc"))
    assert [feature.name for feature in features.features] == ["c0=<rare>", "c0=b"]


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=70), st.sampled_from([2, 7, 64]), st.booleans())
def test_hashing_is_scikit_learns_feature_hasher(rows, buckets, alternate_sign):
    columns = [list(values) for values in zip(*rows, strict=True)]
    twin = FeatureHasher(buckets, input_type="dict", alternate_sign=alternate_sign)
    named = [{f"c{at}": word for at, word in enumerate(row) if word} for row in rows]
    found = asked(fitted([step("hashing", buckets=buckets, alternate_sign=alternate_sign)], *columns), *columns)
    np.testing.assert_array_equal(found, twin.transform(named).toarray())


@pytest.mark.parametrize("kind", ["frequency", "rare", "hashing", "ordinal"])
def test_steps_on_categories_refuse_numbers_by_name(kind):
    table = pa.table({"x": [1.0, 2.0]})
    with pytest.raises(SpecError, match='"x" is'):
        fit_features([step(kind, columns=["x"])], table, Schema((Column("x", "number"),)), None, 0)


@pytest.mark.parametrize("kind", ["frequency", "hashing", "one_hot", "ordinal", "rare"])
def test_learn_may_hold_no_value_at_all(kind):
    steps = [step(kind), *([step("ordinal")] if kind == "rare" else [])]
    found = asked(fitted(steps, [None, None]), ["a", None])
    assert found.shape[0] == 2


@pytest.mark.parametrize("kind", ["frequency", "ordinal", "one_hot", "rare", "hashing"])
def test_a_hundred_thousand_values_stay_within_what_the_step_may_keep(kind):
    learn = [f"value {at}" for at in range(100_000)]
    steps = [step(kind, **({"min_count": 1} if kind == "rare" else {})), *([step("ordinal")] if kind == "rare" else [])]
    features = fitted(steps, learn)
    assert len(features.features) <= 200
    assert len(features.model) < 1_000_000
