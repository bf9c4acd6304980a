"""The ONNX and the SQL form of an expression say the same for every row."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.expressions import parse
from modelwright.graph.blocks import Place, StepInputs
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.expressions import compile_value
from modelwright.graph.running import Scorer
from modelwright.tables.engine import open_engine
from modelwright.tables.expressions import value_sql

TYPES = {"a": "number", "b": "number", "n": "integer", "flag": "boolean", "word": "category", "other": "text"}

numbers = st.sampled_from(["0", "1", "2.5", "10", "1e3", "1e300"])
columns = st.sampled_from(["a", "b", "n", "flag"])
words = st.sampled_from(
    ["word = 'x'", "word != 'y'", "word in ('x', 'z')", "word not in ('x')", "word = other", "isnull(word)"]
)


def grown(inner):
    """Bigger expressions from smaller ones: values and conditions."""
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        st.tuples(st.sampled_from(["abs", "sqrt", "floor", "log", "exp"]), inner).map(
            lambda part: f"{part[0]}({part[1]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda part: f"{part[0]}({part[1]}, {part[2]})"),
        inner.map(lambda part: f"-{part}" if not part.startswith("-") else part),
        st.tuples(conditions(inner), inner, inner).map(lambda part: f"where({part[0]}, {part[1]}, {part[2]})"),
    )


def conditions(inner):
    simple = st.one_of(
        words,
        st.tuples(inner, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), inner).map(" ".join),
        inner.map(lambda part: f"{part} in (0, 1, -2.5)"),
        inner.map(lambda part: f"{part} not in (0, 1)"),
        inner.map(lambda part: f"isnull({part})"),
    )
    return st.one_of(
        simple,
        simple.map(lambda part: f"not ({part})"),
        st.tuples(simple, st.sampled_from(["and", "or"]), simple).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
    )


values = st.recursive(st.one_of(columns, columns, numbers), grown, max_leaves=8)
expressions = st.one_of(values, conditions(values)).filter(
    lambda text: any(name in text for name in ("a", "b", "n", "word"))
)

VALUES = [None, 0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 3.0, 1e-300, 1e300, -1e300, 710.0, 0.1, None]


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    rows = 60
    pick = lambda choices: [choices[at] for at in random.integers(0, len(choices), rows)]  # noqa: E731
    return pa.table(
        {
            "a": pa.array(pick(VALUES), pa.float64()),
            "b": pa.array(pick(VALUES), pa.float64()),
            "n": pa.array(pick([None, -3, 0, 1, 2, 10]), pa.int64()),
            "flag": pa.array(pick([None, True, False]), pa.bool_()),
            "word": pa.array(pick([None, "x", "y", "z"]), pa.string()),
            "other": pa.array(pick([None, "x", "y"]), pa.string()),
        }
    )


@pytest.fixture(scope="module")
def engine(table, tmp_path_factory):
    with open_engine(tmp_path_factory.mktemp("engine"), memory=200_000_000, threads=1, readable=[]) as opened:
        opened.register("rows", table)
        yield opened


def by_onnx(text, table):
    graph = GraphBuilder()
    places = [Place(name, kind, graph.input(name, kind)) for name, kind in TYPES.items()]
    graph.output("features", compile_value(graph, parse(text), StepInputs(graph, places)), NUMBER, ["N"])
    values = Scorer(graph.build()).run_table(table)["features"]
    return np.broadcast_to(values, len(table))


def by_sql(text, engine):
    found = engine.rows(f"SELECT {value_sql(text, TYPES)} FROM rows")
    return np.array([math.nan if value is None else value for (value,) in found])


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(text=expressions)
def test_onnx_and_sql_agree(text, table, engine):
    onnx, sql = by_onnx(text, table), by_sql(text, engine)
    if "log" in text or "exp" in text:
        _agree_up_to_rounding(onnx, sql, text)
    else:
        np.testing.assert_array_equal(onnx, sql, text)


def _agree_up_to_rounding(onnx, sql, text):
    """exp and log differ in the last bit between libraries; a comparison or floor after them may then turn over."""
    if not any(sign in text for sign in ("<", ">", "=", " in ", "floor", "where", "min", "max", "/", "-", "sqrt")):
        np.testing.assert_allclose(onnx, sql, rtol=1e-12, atol=1e-300, err_msg=text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a / b", [0.5, None, None, None]),
        ("a > 1", [0, 0, 0, 1]),
        ("not (a > 1)", [1, 1, 1, 0]),
        ("a != 1", [0, 0, 0, 1]),
        ("min(a, b)", [1, 0, None, None]),
        ("log(b)", [math.log(2), None, math.log(3), None]),
        ("where(isnull(b), 7, b)", [2, 0, 3, 7]),
        ("word = 'x'", [1, 0, 0, 1]),
        ("word != 'x'", [0, 1, 0, 0]),
        ("not (word = 'x')", [0, 1, 1, 0]),
        ("a * 1e308 * 10", [None, None, None, None]),
    ],
)
def test_the_truth_table(text, expected):
    rows = pa.table(
        {
            "a": pa.array([1.0, 1.0, None, 4.0]),
            "b": pa.array([2.0, 0.0, 3.0, None]),
            "word": pa.array(["x", "y", None, "x"]),
            "n": pa.array([1, 1, 1, 1]),
            "flag": pa.array([True, True, False, None]),
            "other": pa.array(["", "", "", ""]),
        }
    )
    np.testing.assert_allclose(by_onnx(text, rows), [math.nan if value is None else value for value in expected])


def test_every_batch_size_gives_the_same_bits(table):
    whole = by_onnx("exp(log(abs(a)) / 3) + sqrt(abs(b))", table)
    for size in (1, 3, 7):
        parts = [
            by_onnx("exp(log(abs(a)) / 3) + sqrt(abs(b))", table.slice(at, size)) for at in range(0, len(table), size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
