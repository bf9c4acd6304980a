"""Checks count what breaks them, pass over what is missing, and show an example."""

import pyarrow as pa
import pytest
from pydantic import ValidationError

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.parts import catalog

COLUMNS = [Column("id", "integer", "id"), Column("word", "text"), Column("size", "number"), Column("flag", "boolean")]


@pytest.fixture
def check(engine):
    given = pa.table(
        {
            "id": pa.array([1, 2, None, 2, None], pa.int64()),
            "word": ["a", "b", "it's", None, "a"],
            "size": pa.array([1.0, -3.0, None, 400.0, 300.0], pa.float64()),
            "flag": [True, False, None, True, False],
        }
    )
    engine.register("given", given)
    engine.execute("CREATE TABLE rows AS SELECT * FROM given")

    def violations(kind, **options):
        part = catalog.load("checks", kind).model_validate({"kind": kind, **options})
        return part.violations(engine, "rows", COLUMNS)

    return violations


@pytest.mark.parametrize(
    ("kind", "options", "count", "said"),
    [
        ("not_null", {"columns": ["id", "word"]}, 3, 'it is in "id"'),
        ("not_null", {"columns": ["size"]}, 1, "size: not missing"),
        ("between", {"columns": ["size"], "min": 0, "max": 300}, 2, "0 <= size <= 300 (found size = -3.0)"),
        ("between", {"columns": ["size"], "max": 300}, 1, "size = 400.0"),
        ("between", {"columns": ["size", "id"], "min": -5}, 0, "-5 <= size, id"),
        ("unique", {"columns": ["id"]}, 1, "found again: 2"),
        ("unique", {"columns": ["id", "word"]}, 0, "id, word: unique"),
        ("allowed", {"columns": ["word"], "values": ["a", "b"]}, 1, "word = it's"),
        ("allowed", {"columns": ["word"], "values": ["a", "b", "it's"]}, 0, "one of a, b, it's"),
        ("allowed", {"columns": ["size"], "values": [1, -3, 300]}, 1, "size = 400.0"),
        ("allowed", {"columns": ["flag"], "values": [True]}, 2, "flag = False"),
        ("row_count", {"min": 5}, 0, "at least 5 rows (found 5)"),
        ("row_count", {"min": 7}, 2, "found 5"),
        ("row_count", {"max": 2}, 3, "at most 2"),
    ],
)
def test_checks(check, kind, options, count, said):
    found, text = check(kind, **options)
    assert found == count and said in text


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("not_null", {"columns": ["sizee"]}, 'did you mean "size"'),
        ("between", {"columns": ["word"], "min": 0}, '"word" is of type text'),
        ("allowed", {"columns": ["size"], "values": ["big"]}, "'big' can't be a value"),
    ],
)
def test_what_does_not_fit_the_data_is_said(check, kind, options, said):
    with pytest.raises(SpecError) as caught:
        check(kind, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("between", {"columns": ["size"]}),
        ("between", {"columns": ["size"], "min": 2, "max": 1}),
        ("row_count", {"min": 2, "max": 1}),
        ("not_null", {"columns": []}),
        ("not_null", {"columns": ["size"], "severity": "maybe"}),
    ],
)
def test_what_can_not_be_is_refused_with_the_spec(kind, options):
    with pytest.raises(ValidationError):
        catalog.load("checks", kind).model_validate({"kind": kind, **options})
