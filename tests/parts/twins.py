"""What tests of numeric steps share: columns, a fitted step asked at every batch size, and agreement to 1e-9."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from modelwright.core.columns import Column, Schema
from modelwright.fitting.features import fit_features
from modelwright.graph.running import Scorer
from modelwright.parts import catalog

BATCHES = (1, 7, 64)
# Quarters: as far from rounding's limits as data are; what is near them, `WILD` has.
KNOWN = st.integers(-40, 40).map(lambda number: number / 4) | st.integers(-100_000, 100_000).map(lambda n: n / 1000)
VALUES = st.none() | KNOWN
COLUMN = st.lists(VALUES, min_size=1, max_size=30)
WILD = st.lists(
    st.none() | st.sampled_from([0.0, -0.0, 5e-324, -1e-300, 1e15, -1e150, 1e300]) | st.floats(-1e9, 1e9),
    min_size=1,
    max_size=12,
)


def step(kind, **options):
    return catalog.load("features", kind).model_validate({"kind": kind, **options})


def column(values):
    if any(isinstance(value, str) for value in values):
        return pa.array(values, pa.string()), "category"
    return pa.array(values, pa.float64()), "number"


def fitted(kind, learn, seed=0, **options):
    """The step's features, fitted on columns by name."""
    made = {name: column(list(values)) for name, values in learn.items()}
    schema = Schema(tuple(Column(name, type_, nullable=True) for name, (_, type_) in made.items()))
    table = pa.table({name: array for name, (array, _) in made.items()})
    return fit_features([step(kind, **options)], table, schema, None, seed)


def asked(features, columns):
    """[N, F] for rows; the same bits at every batch size, and nothing of nothing."""
    table = pa.table({name: column(list(values))[0] for name, values in columns.items()})
    whole = features.transform(table)
    scorer = Scorer(features.model)
    for size in BATCHES:
        np.testing.assert_array_equal(scorer.run_table(table, size)["features"].view(np.int64), whole.view(np.int64))
    assert features.transform(table.slice(0, 0)).shape == (0, len(features.features))
    return whole


def names(features):
    return [feature.name for feature in features.features]


def floats(values):
    return np.array([math.nan if value is None else value for value in values], float)


def nullable(values):
    """A list for Arrow: NaN is missing."""
    return [None if math.isnan(value) else float(value) for value in values]


def table_of(matrix):
    """Columns x0, x1, … of a matrix with NaN."""
    return {f"x{at}": nullable(values) for at, values in enumerate(np.asarray(matrix, float).T)}


def twin(estimator, learn, rows):
    """What a scikit-learn transformer of one column says, warnings aside."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = estimator.fit(floats(learn)[:, None]).transform(floats(rows)[:, None])
    return np.asarray(found)


def agree(found, expected, tolerance=1e-9):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
