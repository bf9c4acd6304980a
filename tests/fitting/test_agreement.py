"""Parity is measured on rows made worse, and a graph that differs is not let through."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.columns import Column, Schema
from modelwright.fitting.agreement import agreement
from modelwright.fitting.features import fit_features
from modelwright.fitting.fit import compile_model, fit_model
from modelwright.parts import catalog
from modelwright.parts.samples import FitContext, Samples

SCHEMA = Schema((Column("x", "number"), Column("word", "category"), Column("y", "number", role="target")))

TASK = catalog.load("tasks", "regression").model_validate({"kind": "regression", "target": "y"})


@pytest.fixture(scope="module")
def trained():
    random = np.random.default_rng(0)
    x = random.normal(size=300)
    words = pa.array([["a", "b", "c"][code] for code in random.integers(0, 3, 300)])
    table = pa.table({"x": x, "word": words, "y": x + random.normal(size=300)})
    features = fit_features("auto", table, SCHEMA, None, 0)
    context = FitContext("regression", 0, features.features, "rmse", 1, 1)
    samples = Samples(features.transform(table), table["y"].to_numpy())
    models = [catalog.load("models", "ridge").model_validate({"kind": "ridge", "alpha": alpha}) for alpha in (1, 90)]
    fitted = [fit_model(model, samples, None, context) for model in models]
    return features, fitted, compile_model(features.model, fitted[0], TASK, SCHEMA), table


def test_graph_and_model_agree_on_real_and_on_worse_rows(trained):
    features, fitted, model, table = trained
    found = agreement(model, features, fitted[0], TASK, table)
    assert found["rows"] == 600
    assert found["largest"] < 1e-12
    assert set(found["batch_sizes"]) == {"1", "7", "64"}


def test_a_graph_of_another_model_is_caught(trained):
    features, fitted, model, table = trained
    with pytest.raises(RuntimeError, match="differs from the fitted model"):
        agreement(model, features, fitted[1], TASK, table)
