"""Steps that select columns keep what their twins in scikit-learn keep, and pass it on untouched."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import SpecError
from modelwright.fitting.features import fit_features
from modelwright.parts import catalog
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import Target

ROWS, SEED = 600, 5
SELECTORS = {
    "variance_filter": {},
    "correlation_filter": {},
    "mutual_information": {"top": 3},
    "l1_selection": {},
    "importance_selection": {"top": 3},
    "recursive_elimination": {"top": 3},
    "permutation_selection": {},
}
SUPERVISED = [kind for kind in SELECTORS if kind not in ("variance_filter", "correlation_filter")]


class Columns:
    """The selected columns as a step is given them."""

    def __init__(self, matrix, names=None, seed=SEED):
        self.rows, width = matrix.shape
        self.names = tuple(names or (f"x{at}" for at in range(width)))
        self.seed, self._matrix = seed, matrix

    def type(self, name):
        return "number"

    def values(self, name):
        return self._matrix[:, self.names.index(name)]

    def pieces(self):
        for start in range(0, self.rows, 250):
            yield self._matrix[start : start + 250]

    def matrix(self):
        return self._matrix


def step(kind, **options):
    return catalog.load("features", kind).model_validate({"kind": kind, **options})


def drawn(kind="regression", width=12):
    """x0 and x1 tell of the target, the flag x2 does a little, x3 repeats x0, x4 is constant, the rest is noise."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(ROWS, width))
    matrix[:, 2] = rng.integers(0, 2, ROWS)
    matrix[:, 3] = 2 * matrix[:, 0] + 0.01 * rng.normal(size=ROWS)
    matrix[:, 4] = 7.3
    score = 2 * matrix[:, 0] - 1.5 * matrix[:, 1] + matrix[:, 2] + 0.5 * rng.normal(size=ROWS)
    if kind == "regression":
        return matrix, Target(score, 0)
    edges = [0.5] if kind == "binary" else [-1.0, 1.5]
    return matrix, Target(np.digitize(score, edges).astype(float), len(edges) + 1)


def kept(kind, matrix, target, **options):
    return step(kind, **{**SELECTORS[kind], **options}).fit(Columns(matrix), target)["kept"]


def names(mask):
    return [f"x{at}" for at in np.flatnonzero(mask)]


KINDS = pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])


def test_variance_filter_is_variance_threshold():
    from sklearn.feature_selection import VarianceThreshold

    matrix, _ = drawn()
    matrix[::7, 5] = np.nan
    for threshold in (0.0, 0.3, 0.98):
        twin = VarianceThreshold(threshold).fit(matrix)
        assert kept("variance_filter", matrix, None, threshold=threshold) == names(twin.get_support())


def test_correlation_filter_drops_the_later_of_two():
    matrix, _ = drawn()
    assert kept("correlation_filter", matrix, None) == [f"x{at}" for at in range(12) if at != 3]
    assert kept("correlation_filter", matrix[:, ::-1], None) == [f"x{at}" for at in range(12) if at != 11]
    state = step("correlation_filter").fit(Columns(matrix), None)
    assert state["scores"][3] == pytest.approx(1 - abs(np.corrcoef(matrix[:, 0], matrix[:, 3])[0, 1]), abs=1e-12)


def test_correlation_of_ranks_sees_any_monotone_relation():
    matrix, _ = drawn()
    matrix[:, 5] = np.exp(3 * matrix[:, 1])
    assert "x5" in kept("correlation_filter", matrix, None)
    assert "x5" not in kept("correlation_filter", matrix, None, method="spearman")


@KINDS
def test_mutual_information_is_select_k_best(task):
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    matrix, target = drawn(task)
    measure = mutual_info_classif if target.n_classes else mutual_info_regression
    flags = np.isin(np.arange(12), [2])
    twin = measure(matrix, target.values, discrete_features=flags, random_state=SEED)
    state = step("mutual_information", top=4).fit(Columns(matrix), target)
    np.testing.assert_allclose(state["scores"], twin, rtol=0, atol=1e-12)
    assert set(state["kept"]) == {f"x{at}" for at in np.argsort(-twin)[:4]}
    assert {"x0", "x1", "x3"} <= set(state["kept"])


@KINDS
def test_l1_selection_is_select_from_model(task):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_selection import SelectFromModel
    from sklearn.linear_model import Lasso, LogisticRegression
    from sklearn.preprocessing import StandardScaler

    matrix, target = drawn(task)
    for penalty in (0.05, 0.3) if task == "regression" else (5.0, 50.0):
        model = (
            LogisticRegression(C=1 / penalty, l1_ratio=1, solver="saga", max_iter=200, random_state=SEED)
            if target.n_classes
            else Lasso(alpha=penalty)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            twin = SelectFromModel(model, threshold=1e-5).fit(StandardScaler().fit_transform(matrix), target.values)
        assert kept("l1_selection", matrix, target, penalty=penalty) == names(twin.get_support())


@KINDS
def test_l1_selection_chooses_a_penalty_that_leaves_what_matters(task):
    matrix, target = drawn(task)
    found = set(kept("l1_selection", matrix, target))
    assert "x1" in found and found & {"x0", "x3"} and "x4" not in found
    assert task == "multiclass" or len(found - {"x0", "x1", "x2", "x3"}) <= 2


@KINDS
@pytest.mark.parametrize("model", ["lightgbm", "extra_trees"])
def test_importance_selection_is_select_from_model(task, model):
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.feature_selection import SelectFromModel

    from modelwright.parts.selection import trees

    matrix, target = drawn(task)
    forest = ExtraTreesClassifier if target.n_classes else ExtraTreesRegressor
    estimator = trees(target.n_classes, SEED)
    if model == "extra_trees":
        estimator = forest(n_estimators=100, min_samples_leaf=5, random_state=SEED)
    twin = SelectFromModel(estimator).fit(matrix, target.values)
    found = kept("importance_selection", matrix, target, model=model, top=None)
    assert found == names(twin.get_support()) and "x1" in found
    assert len(kept("importance_selection", matrix, target, model=model, top=None, share=0.25)) == 3


@KINDS
@pytest.mark.parametrize("model", ["linear", "trees"])
def test_recursive_elimination_is_rfe(task, model):
    from sklearn.feature_selection import RFE
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    from modelwright.parts.selection import trees

    matrix, target = drawn(task)
    linear = LogisticRegression(max_iter=1000) if target.n_classes else Ridge()
    estimator = linear if model == "linear" else trees(target.n_classes, SEED)
    features = StandardScaler().fit_transform(matrix) if model == "linear" else matrix
    with one_thread():
        twin = RFE(estimator, n_features_to_select=3, step=0.1).fit(features, target.values)
    found = kept("recursive_elimination", matrix, target, model=model)
    assert found == names(twin.get_support()) and "x1" in found and set(found) & {"x0", "x3"}


@KINDS
def test_permutation_selection_keeps_what_the_model_needs(task):
    matrix, target = drawn(task)
    found = set(kept("permutation_selection", matrix, target))
    assert "x1" in found and found & {"x0", "x3"} and "x4" not in found
    assert len(found - {"x0", "x1", "x2", "x3"}) <= 2
    assert len(kept("permutation_selection", matrix, target, top=1)) == 1


@pytest.mark.parametrize("kind", SELECTORS)
def test_the_same_columns_every_time_and_with_bounded_rows(kind):
    matrix, target = drawn()
    long = np.tile(matrix, (5, 1))
    states = [
        step(kind, **SELECTORS[kind], **({} if kind == "variance_filter" else {"rows": 1000})).fit(
            Columns(long), Target(np.tile(target.values, 5), 0)
        )
        for _ in range(2)
    ]
    assert states[0]["kept"] == states[1]["kept"]
    np.testing.assert_array_equal(states[0]["scores"], states[1]["scores"])


@pytest.mark.parametrize("kind", SELECTORS)
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_too_few_rows_drop_nothing(kind, rows):
    matrix, target = drawn()
    assert len(kept(kind, matrix[:rows], Target(target.values[:rows], 0))) == 12


@pytest.mark.parametrize("kind", SELECTORS)
def test_one_column_always_stays(kind):
    rng = np.random.default_rng(0)
    matrix, target = np.ones((100, 2)), Target(rng.normal(size=100), 0)
    options = {"top": 1} if "top" in SELECTORS[kind] else {}
    assert kept(kind, matrix, target, **options)


@pytest.mark.parametrize("kind", SUPERVISED)
def test_a_target_that_tells_nothing_drops_nothing(kind):
    matrix, _ = drawn()
    assert len(kept(kind, matrix, Target(np.zeros(ROWS), 0))) == 12
    with pytest.raises(SpecError, match="needs a target"):
        kept(kind, matrix, None)
    part = catalog.load("features", kind)
    assert part.supervised and not part.cross_fitted


@pytest.mark.parametrize("kind", ["l1_selection", "permutation_selection", "mutual_information"])
def test_a_class_of_one_row_does_no_harm(kind):
    matrix, target = drawn("binary")
    values = target.values.copy()
    values[17] = 2
    assert "x1" in kept(kind, matrix, Target(values, 3))


@pytest.mark.parametrize("kind", ["mutual_information", "importance_selection", "recursive_elimination"])
def test_top_and_share_exclude_each_other(kind):
    with pytest.raises(ValidationError, match="both say"):
        step(kind, top=2, share=0.5)


cell = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0, -2.5, 1e9])


@pytest.mark.parametrize("kind", SELECTORS)
@given(cells=st.lists(st.lists(cell, min_size=40, max_size=40), min_size=1, max_size=5))
@settings(max_examples=12)
def test_any_column_can_be_judged(kind, cells):
    matrix = np.array(cells).T
    target = Target(np.arange(len(matrix)) % 3 * 1.0, 3)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        state = step(kind, **SELECTORS[kind]).fit(Columns(matrix), target)
    assert state["kept"] and set(state["kept"]) <= set(state["columns"])


@pytest.mark.parametrize("kind", SELECTORS)
def test_kept_columns_pass_untouched_and_others_are_left_alone(kind):
    matrix, target = drawn(width=6)
    matrix[3, 1] = np.nan
    table = pa.table({**{f"x{at}": matrix[:, at] for at in range(6)}, "c": ["a", "b"] * (ROWS // 2)})
    columns = [*(Column(f"x{at}", "number", nullable=True) for at in range(6)), Column("c", "category")]
    steps = [step(kind, **SELECTORS[kind]), step("ordinal", columns=["c"])]
    features = fit_features(steps, table, Schema(tuple(columns)), target, 0)
    found = [feature.name for feature in features.features]
    assert found[-1] == "c" and features.features[-1].cardinality == 2
    assert 1 <= len(found) - 1 < 6 + (kind == "permutation_selection")
    for rows in (1, 7, 64):
        given = features.transform(table.slice(0, rows))
        np.testing.assert_array_equal(given[:, :-1], matrix[:rows, [int(name[1:]) for name in found[:-1]]])


def test_codes_of_categories_stay_codes():
    rng = np.random.default_rng(0)
    table = pa.table({"c": rng.choice(["a", "b", "d"], ROWS), "x": rng.normal(size=ROWS)})
    schema = Schema((Column("c", "category"), Column("x", "number")))
    features = fit_features([step("ordinal"), step("variance_filter", columns="all")], table, schema, None, 0)
    assert [(feature.name, feature.cardinality) for feature in features.features] == [("c", 3), ("x", None)] or [
        (feature.name, feature.cardinality) for feature in features.features
    ] == [("x", None), ("c", 3)]
