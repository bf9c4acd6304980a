"""The truth table of expressions, in SQL."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.expressions import ExpressionError
from modelwright.tables.expressions import condition_sql, value_sql

TYPES = {
    "x": "number",
    "zero": "integer",
    "none": "number",
    "word": "text",
    "flag": "boolean",
    "nobody": "text",
    "s p": "number",
}
ROW = (
    "SELECT 2.0::DOUBLE AS x, 0 AS zero, NULL::DOUBLE AS none, 'a' AS word, true AS flag, NULL::VARCHAR AS nobody, "
    '5 AS "s p"'
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x + 1", 3.0),
        ("x + none", None),
        ("x / zero", None),
        ("zero / zero", None),
        ("1 / (1 / zero)", None),
        ("1 / (x / zero + 1)", None),
        ("none * 0", None),
        ("log(zero)", None),
        ("log(-x)", None),
        ("exp(log(zero))", None),
        ("sqrt(-1)", None),
        ("exp(1000)", None),
        ("1e308 * 10 - 1e308 * 10", None),
        ("min(x, 1)", 1.0),
        ("max(x, none)", None),
        ("min(x, 1 / zero)", None),
        ("abs(-x)", 2.0),
        ("floor(-1.5)", -2.0),
        ("-x - -x", 0.0),
        ("flag + 1", 2.0),
        ("`s p` * 2", 10.0),
        ("x > 1", 1.0),
        ("none > 1", 0.0),
        ("where(x > 1, 10, none)", 10.0),
        ("where(none > 1, 10, 20)", 20.0),
        ("where(x > 1, x / zero, 3)", None),
        ("0.1 + 0.2", 0.1 + 0.2),
        ("7 - 2 - 1", 4.0),
        ("8 / 4 / 2", 1.0),
    ],
)
def test_values(engine, text, value):
    assert engine.value(f"SELECT {value_sql(text, TYPES)} FROM ({ROW})") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("none = none", False),
        ("none != 1", False),
        ("not (none > 1)", True),
        ("none in (1, 2)", False),
        ("none not in (1, 2)", False),
        ("x not in (1, 3)", True),
        ("word = 'a'", True),
        ("word != 'b'", True),
        ("nobody != 'b'", False),
        ("nobody not in ('b')", False),
        ("word = nobody", False),
        ("isnull(nobody)", True),
        ("isnull(x / zero)", True),
        ("isnull(flag)", False),
        ("x / zero > 0", False),
        ("x / zero < 0", False),
        ("flag = true", True),
        ("none > 1 or x > 1", True),
        ("not none > 1 and not none < 1", True),
    ],
)
def test_conditions_are_never_missing(engine, text, value):
    assert engine.value(f"SELECT {condition_sql(text, TYPES)} FROM ({ROW})") is value


def test_deep_divisions_stay_short(engine):
    text = "1 / (1 + " * 30 + "x" + ")" * 30
    sql = value_sql(text, TYPES)
    assert len(sql) < 150 * 30
    assert engine.value(f"SELECT {sql} FROM ({ROW})") == pytest.approx((math.sqrt(5) - 1) / 2)


@given(st.text(min_size=1, max_size=20).filter(lambda text: "'" not in text and "\n" not in text))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_text_of_an_expression_never_becomes_sql(engine, text):
    try:
        sql = condition_sql(f"word = '{text}'", TYPES)
    except ExpressionError:
        return
    assert engine.value(f"SELECT {sql} FROM ({ROW})") is (text == "a")


def test_names_of_columns_never_become_sql(engine):
    name = 'x"; DROP TABLE rows; --'
    sql = value_sql(f"`{name}` + 1", {name: "number"})
    quoted = name.replace('"', '""')
    assert engine.value(f'SELECT {sql} FROM (SELECT 1 AS "{quoted}")') == 2.0
