"""Which rows are predicted by a model of which others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.model_selection import TimeSeriesSplit

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.parts import catalog
from modelwright.parts.folding import FoldRows

ROWS = 300
DAY = 86_400_000_000


def validation(kind, **options):
    return catalog.load("validations", kind).model_validate({"kind": kind, **options})


def rows(count=ROWS, *, classes=None, group=None, **columns):
    """Rows with digests; a column is a number unless it holds text or is named `at`."""
    random = np.random.default_rng(0)
    made = {name: pa.array(values) for name, values in columns.items()}
    made = {name: values.cast(pa.timestamp("us", "UTC")) if name == "at" else values for name, values in made.items()}
    types = {"at": ("timestamp", "time")}
    schema = Schema(
        tuple(
            Column(name, *types.get(name, ("text" if pa.types.is_string(values.type) else "number", "input")))
            for name, values in made.items()
        ),
        None,
        group,
    )
    digests = pa.array(random.integers(-(2**63), 2**63 - 1, count))
    return FoldRows(pa.table({ROW_DIGEST: digests, **made}), schema, "y", classes)


def assert_each_row_is_held_once(folds, count=ROWS):
    np.testing.assert_array_equal(sum(fold.held.astype(int) for fold in folds), np.ones(count))
    for fold in folds:
        np.testing.assert_array_equal(fold.learn, ~fold.held)


@pytest.mark.parametrize("kind", sorted(set(catalog.builtin_kinds("validations")) - {"holdout"}))
def test_the_same_folds_for_every_candidate_and_none_learns_from_what_it_predicts(kind):
    random = np.random.default_rng(3)
    given_rows = rows(
        at=random.integers(0, 10**15, ROWS), patient=[f"p{code}" for code in random.integers(0, 30, ROWS)],
        y=random.normal(size=ROWS),
    )  # fmt: skip
    options = {"group": "patient"} if kind == "group" else {}
    first, again = (validation(kind, folds=4, **options).divide(given_rows, 7) for _ in range(2))
    assert len(first) == 4
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.learn, other.learn)
        np.testing.assert_array_equal(one.held, other.held)
        assert not (one.learn & one.held).any() and one.learn.any() and one.held.any()


def test_holdout_has_no_folds():
    assert validation("holdout").divide(rows(y=np.zeros(ROWS)), 0) is None


def test_kfold_keeps_the_groups_of_the_split_together():
    patients = [f"p{number % 20}" for number in range(ROWS)]
    folds = validation("kfold").divide(rows(patient=patients, group="patient"), 1)
    assert_each_row_is_held_once(folds)
    for fold in folds:
        held = {patients[at] for at in np.flatnonzero(fold.held)}
        assert len(held) == 4 and not held & {patients[at] for at in np.flatnonzero(fold.learn)}


def test_group_keeps_the_named_column_together_whatever_the_split_has():
    wards = [f"w{number % 12}" for number in range(ROWS)]
    given_rows = rows(ward=wards, patient=[f"p{number}" for number in range(ROWS)], group="patient")
    folds = validation("group", group="ward", folds=3).divide(given_rows, 1)
    assert_each_row_is_held_once(folds)
    for fold in folds:
        assert len({wards[at] for at in np.flatnonzero(fold.held)}) == 4
    with pytest.raises(SpecError, match='did you mean "ward"'):
        validation("group", group="wrad").divide(given_rows, 1)


def test_a_row_without_a_group_is_on_its_own():
    folds = validation("group", group="ward", folds=2).divide(rows(4, ward=[None, "a", None, "a"]), 0)
    assert sorted(int(fold.held.sum()) for fold in folds) in ([1, 3], [2, 2])
    assert all(fold.held[1] == fold.held[3] for fold in folds)


@given(st.lists(st.integers(0, 4), min_size=20, max_size=200), st.integers(2, 6), st.integers(0, 9))
def test_stratified_is_within_one_row_of_exact_shares(classes, count, seed):
    classes = np.array(classes, np.float64)
    folds = validation("stratified", folds=count).divide(rows(len(classes), classes=classes), seed)
    for code in np.unique(classes):
        share = (classes == code).sum() / count
        for fold in folds:
            assert abs((fold.held & (classes == code)).sum() - share) < 1


def test_stratified_spreads_the_tail_of_a_number_and_the_values_of_a_column():
    random = np.random.default_rng(0)
    y = np.exp(2 * random.normal(size=ROWS))
    words = ["rare" if number % 30 == 0 else "often" for number in range(ROWS)]
    folds = validation("stratified", bins=20).divide(rows(y=y), 0)
    largest = y >= np.quantile(y, 0.95)
    assert {int((fold.held & largest).sum()) for fold in folds} == {3}
    folds = validation("stratified", column="word").divide(rows(y=y, word=words), 0)
    assert {int((fold.held & (np.array(words) == "rare")).sum()) for fold in folds} == {2}
    missing = [None if number % 3 == 0 else float(number) for number in range(ROWS)]
    folds = validation("stratified", column="x").divide(rows(x=missing, y=y), 0)
    assert {int(fold.held[::3].sum()) for fold in folds} == {20}


# --- time -------------------------------------------------------------------------------------------------------------


@given(st.integers(8, 200), st.integers(2, 6), st.integers(0, 3), st.randoms())
def test_time_series_has_the_folds_of_scikit_learn(count, folds, gap, random):
    """Rows a day apart, in any order of the table; a gap of days is then one of rows."""
    days = list(range(count))
    random.shuffle(days)
    days = np.array(days)
    given_rows = rows(count, at=days * DAY)
    twin = TimeSeriesSplit(n_splits=folds, gap=gap)
    try:
        expected = [tuple(map(set, pair)) for pair in twin.split(days)]
    except ValueError:
        with pytest.raises(DataError):
            validation("time_series", folds=folds, gap=f"{gap}d").divide(given_rows, 0)
        return
    if any(not learn for learn, _ in expected):
        return
    found = validation("time_series", folds=folds, gap=f"{gap}d").divide(given_rows, 0)
    assert [(set(days[fold.learn]), set(days[fold.held])) for fold in found] == expected


@given(st.lists(st.integers(0, 12), min_size=40, max_size=90), st.integers(2, 4), st.integers(0, 2))
def test_no_fold_learns_from_the_time_it_predicts_or_a_later_one(hours, folds, gap):
    """Also where many rows are of one moment."""
    hours = np.array(hours, np.float64)
    try:
        found = validation("time_series", folds=folds, column="hour", gap=float(gap)).divide(
            rows(len(hours), hour=hours), 0
        )
    except DataError:
        return
    for fold in found:
        start = hours[fold.held].min()
        assert hours[fold.learn].max() < start - gap
        np.testing.assert_array_equal(fold.learn, hours < start - gap)
    held = sum(fold.held.astype(int) for fold in found)
    assert held.max() == 1
    np.testing.assert_array_equal(held == 1, hours >= hours[found[0].held].min())


@pytest.mark.parametrize(
    ("options", "columns", "error", "said"),
    [
        ({}, {"x": [1.0] * 9}, SpecError, "which time"),
        ({"column": "word"}, {"word": ["a"] * 9}, SpecError, "type text"),
        ({"column": "x", "gap": "7d"}, {"x": [1.0] * 9}, SpecError, "a number for a number"),
        ({"gap": 7}, {"at": list(range(9))}, SpecError, "a duration such as 7d"),
        ({}, {"at": [None, *range(8)]}, DataError, '1 rows have no "at"'),
        ({"folds": 9}, {"at": list(range(9))}, DataError, "9 rows can't be split"),
        ({"folds": 4}, {"at": [1] * 5 + [2] * 4}, DataError, "too many for 2 moments"),
        ({"folds": 2, "gap": "1d"}, {"at": list(range(9))}, DataError, "smaller gap"),
    ],
)
def test_time_that_can_not_be_divided(options, columns, error, said):
    count = len(next(iter(columns.values())))
    with pytest.raises(error, match=said):
        validation("time_series", **options).divide(rows(count, **columns), 0)


@pytest.mark.parametrize("gap", ["a week", -1, "-7d"])
def test_a_gap_is_a_distance(gap):
    with pytest.raises(ValidationError):
        validation("time_series", gap=gap)
