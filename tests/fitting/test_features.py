"""A list of steps becomes one graph that says, row by row, what the steps say one after the other."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.canonical import to_json
from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.fitting.features import FittedFeatures, fit_features
from modelwright.graph import encoders, parity
from modelwright.graph.running import Scorer
from modelwright.parts import catalog

SCHEMA = Schema(
    (
        Column("id", "text", role="id"),
        Column("x", "number", nullable=True),
        Column("count", "integer"),
        Column("flag", "boolean"),
        Column("word", "category", categories=("a", "b", "c")),
        Column("note", "text"),
        Column("seen_at", "timestamp", timezone="Europe/Kyiv"),
        Column("at", "timestamp", role="time", timezone="Europe/Kyiv"),
        Column("y", "number", role="target"),
    )
)


def step(kind, **settings):
    return catalog.load("features", kind).model_validate({"kind": kind, **settings})


@pytest.fixture(scope="module")
def learn():
    random = np.random.default_rng(0)
    rows = 500
    micros = 1_700_000_000_000_000 + random.integers(0, 10**13, rows)
    missing = random.random(rows) < 0.1
    return pa.table(
        {
            "id": pa.array([str(number) for number in range(rows)]),
            "x": pa.array(random.normal(size=rows), mask=missing),
            "count": pa.array(random.integers(0, 9, rows)),
            "flag": pa.array(random.random(rows) < 0.5),
            "word": pa.array([[None, "a", "b", "c"][code] for code in random.integers(0, 4, rows)]),
            "note": pa.array(["some words"] * rows),
            "seen_at": pa.array(micros, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "at": pa.array(micros, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "y": pa.array(random.normal(size=rows)),
        }
    )


def several():
    return [
        step("drop", columns="text"),
        step("expression", name="ratio", value="x / count + where(word = 'a', 1, 0)"),
        step("datetime_parts", columns=["at", "seen_at"], parts=["hour", "weekday"], cyclical=True),
        step("impute", indicator=True),
        step("winsorize", columns=["x", "ratio"]),
        step("standardize", columns=["x"], keep=True),
        step("one_hot", min_count=20),
    ]


def test_auto_passes_numbers_codes_categories_and_says_what_it_leaves_out(learn):
    features = fit_features("auto", learn, SCHEMA, None, 0)
    named = {feature.name: feature.cardinality for feature in features.features}
    assert [name for name in named if not name.startswith("seen_at_")] == ["x", "count", "flag", "word"]
    assert named["word"] == 3
    assert "at" not in features.inputs and "note" not in features.inputs and "y" not in features.inputs
    assert any("note" in note for note in features.notes)


def test_auto_leaves_out_a_column_without_values(learn):
    empty = learn.set_column(1, "x", pa.nulls(len(learn), pa.float64()))
    features = fit_features("auto", empty, SCHEMA, None, 0)
    assert "x" not in features.inputs
    assert any("missing" in note and "x" in note for note in features.notes)


def test_the_whole_graph_is_the_steps_one_after_the_other(learn):
    """Fitted on what the graph itself gives: a step alone on the output of the others learns the same."""
    whole = fit_features(several(), learn, SCHEMA, None, 0)
    columns = dict(zip([feature.name for feature in whole.features], whole.transform(learn).T, strict=True))
    x = columns["x"]
    np.testing.assert_allclose(columns["x_standardize"], (x - x.mean()) / x.std(), atol=1e-12)
    assert not any(np.isnan(values).any() for values in columns.values())


def test_equal_bytes_and_bits_at_every_batch_size(learn):
    first, again = (fit_features(several(), learn, SCHEMA, None, 0) for _ in range(2))
    assert first.model == again.model
    scorer = Scorer(first.model)
    sizes = parity.over_batch_sizes(scorer, encoders.feed(scorer.inputs, learn), (1, 3, 7, 64))
    assert {difference for size in sizes.values() for difference in size.values()} == {0.0}


def test_transforming_does_not_look_at_the_other_rows(learn):
    features = fit_features(several(), learn, SCHEMA, None, 0)
    np.testing.assert_array_equal(features.transform(learn)[100:110], features.transform(learn.slice(100, 10)))


def test_what_is_written_is_read_back(learn):
    features = fit_features(several(), learn, SCHEMA, None, 0)
    again = FittedFeatures.from_dict(features.model, features.to_dict())
    assert again == features
    assert to_json(again.to_dict()) == to_json(features.to_dict())
    assert fit_features(again.steps, learn, SCHEMA, None, 0).model == features.model


def test_a_column_left_over_is_named(learn):
    with pytest.raises(SpecError, match=r'"word" \(category\), "note" \(text\), "seen_at" \(timestamp\)'):
        fit_features([step("impute")], learn, SCHEMA, None, 0)


@pytest.mark.parametrize(("column", "role"), [("y", "target"), ("id", "id")])
def test_target_and_id_are_never_features(learn, column, role):
    with pytest.raises(SpecError, match=f'"{column}" is the {role} column'):
        fit_features([step("impute", columns=[column])], learn, SCHEMA, None, 0)


def test_a_wrong_name_says_which_step_and_what_is_near(learn):
    with pytest.raises(SpecError, match='did you mean "count"') as caught:
        fit_features([step("impute"), step("winsorize", columns="coutn")], learn, SCHEMA, None, 0)
    assert caught.value.problems[0].where == "prepare.features.1 (winsorize)"


def test_two_columns_of_one_name_are_refused(learn):
    steps = [step("drop", columns=["text", "word", "seen_at"]), step("expression", name="x", value="count + 1")]
    with pytest.raises(SpecError, match='second column "x"'):
        fit_features(steps, learn, SCHEMA, None, 0)


def test_nothing_left_is_an_error(learn):
    with pytest.raises(SpecError, match="no column is left"):
        fit_features([step("drop", columns="all")], learn, SCHEMA, None, 0)


def test_infinite_values_are_named(learn):
    values = learn.column("x").to_pylist()
    values[3] = float("inf")
    broken = learn.set_column(1, "x", pa.array(values, pa.float64()))
    with pytest.raises(DataError, match='"x" holds 1 infinite'):
        fit_features([step("drop", columns=["text", "word", "seen_at"]), step("impute")], broken, SCHEMA, None, 0)


def test_a_step_that_selects_nothing_does_nothing(learn):
    steps = [step("drop", columns=["text", "word", "seen_at"]), step("one_hot"), step("impute")]
    assert [feature.name for feature in fit_features(steps, learn, SCHEMA, None, 0).features] == ["x", "count", "flag"]
