"""Cleaners change rows in SQL and keep their order; what is missing is never mistaken for a value."""

import pyarrow as pa
import pytest
from pydantic import ValidationError

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.parts import catalog

COLUMNS = [
    Column("id", "integer", "id"),
    Column("word", "text"),
    Column("size", "number"),
    Column("count", "integer"),
    Column("flag", "boolean"),
    Column("label", "text", "target"),
]


@pytest.fixture
def clean(engine):
    given = pa.table(
        {
            "id": pa.array([1, 2, None, 2, None, 1], pa.int64()),
            "word": [" A", "b", "b", "c  d", None, " A"],
            "size": pa.array([1.0, -999.0, None, 0.5, None, 1.0], pa.float64()),
            "count": pa.array([1, 2, 3, 4, None, 1], pa.int64()),
            "flag": [True, False, None, True, False, True],
            "label": ["yes.", "no.", "no", "yes", None, "yes."],
        }
    )
    engine.register("given", given)
    engine.execute("CREATE TABLE rows AS SELECT * FROM given")

    def apply(kind, **options):
        part = catalog.load("cleaners", kind).model_validate({"kind": kind, **options})
        columns = part.apply(engine, "rows", COLUMNS)
        names = [column.name for column in columns]
        assert names == [name for name, _ in engine.columns("rows")]
        return {
            name: [row[place] for row in engine.rows("SELECT * FROM rows ORDER BY rowid")]
            for place, name in enumerate(names)
        }

    return apply


def test_duplicates_by_key_keep_the_first_and_missing_keys_stay_apart(clean):
    assert clean("drop_duplicates", keys=["id"])["count"] == [1, 2, 3, None]


def test_duplicates_of_whole_rows(clean, engine):
    assert clean("drop_duplicates")["id"] == [1, 2, None, 2, None]


def test_rows_are_dropped_only_where_the_condition_is_true(clean):
    assert clean("drop_rows", where="size < 0.7")["size"] == [1.0, None, None, 1.0]


def test_rows_with_missing_values_are_dropped_when_asked(clean):
    assert clean("drop_rows", where="isnull(size) or word = 'c  d'")["count"] == [1, 2, 1]


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ("isnull(label)", 6),
        ("not (label = 'yes.')", 6),
        ("isnull(label) or count = 1", 4),
        ("not isnull(label) and count = 1", 6),
        ("count = 1 or not (isnull(label) and flag = true)", 1),
    ],
)
def test_what_nobody_knows_yet_drops_no_row(clean, engine, where, left):
    engine.replace("rows", "SELECT * REPLACE (NULL::VARCHAR AS label) FROM rows ORDER BY rowid")
    assert len(clean("drop_rows", where=where)["id"]) == left


def test_columns_are_dropped_by_name_glob_or_kind(clean):
    assert "size" not in clean("drop_columns", columns=["s*", "flag"])


def test_values_are_replaced_by_type(clean):
    assert clean("replace", columns=["size"], values={"-999": None, "0.5": 2})["size"] == [
        1.0,
        None,
        None,
        2.0,
        None,
        1.0,
    ]


def test_text_and_booleans_are_replaced(clean):
    assert clean("replace", columns=["label"], values={"yes.": "yes", "no.": "no"})["label"] == [
        "yes",
        "no",
        "no",
        "yes",
        None,
        "yes",
    ]
    assert clean("replace", columns=["flag"], values={"false": None})["flag"] == [True, None, None, True, None, True]


def test_text_is_rewritten_by_a_pattern(clean):
    assert clean("replace", columns=["label"], pattern=r"\.$")["label"] == ["yes", "no", "no", "yes", None, "yes"]
    assert clean("replace", columns=["word"], pattern="^(.*)b(.*)$", to=r"\1[\2]")["word"][1] == "[]"


def test_text_that_is_replaced_by_nothing_is_missing(clean):
    assert clean("replace", columns=["word"], pattern="^b$", to="")["word"][1] is None


def test_spellings_are_made_one(clean):
    assert clean("strip", lower=True)["word"] == ["a", "b", "b", "c d", None, "a"]


def test_kinds_of_column_never_mean_the_target(clean):
    assert clean("replace", columns="categorical", pattern="s", to="z")["label"][0] == "yes."


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("drop_duplicates", {"keys": ["idd"]}, 'no column "idd"; did you mean "id"'),
        ("drop_rows", {"where": "siez > 1"}, 'no column "siez"; did you mean "size"'),
        ("drop_rows", {"where": "word > 1"}, "text is compared with a number"),
        ("drop_columns", {"columns": ["label"]}, "the target can't be dropped"),
        ("drop_columns", {"columns": ["wrod"]}, 'did you mean "word"'),
        ("replace", {"columns": ["count"], "values": {"1": 1.5}}, '1.5 can\'t be a value of "count"'),
        ("replace", {"columns": ["size"], "values": {"x": 1}}, "'x' can't be a value"),
        ("replace", {"columns": ["size"], "pattern": "x"}, "is of type number"),
        ("replace", {"columns": ["word"], "pattern": r"\p{Klingon}"}, "not a regular expression of RE2"),
        ("strip", {"columns": ["size"]}, "is of type number"),
    ],
)
def test_what_does_not_fit_the_data_is_said(clean, kind, options, said):
    with pytest.raises(SpecError) as caught:
        clean(kind, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("drop_rows", {"where": "size"}),
        ("drop_rows", {"where": "1; DROP TABLE rows"}),
        ("drop_duplicates", {"keys": []}),
        ("replace", {"columns": ["word"]}),
        ("replace", {"columns": ["word"], "pattern": "("}),
        ("replace", {"columns": ["word"], "pattern": "(?=x)"}),
        ("replace", {"columns": ["word"], "pattern": "a", "values": {"a": "b"}}),
    ],
)
def test_what_can_not_be_is_refused_with_the_spec(kind, options):
    with pytest.raises(ValidationError):
        catalog.load("cleaners", kind).model_validate({"kind": kind, **options})


def test_quotes_in_values_stay_values(clean):
    assert (
        clean("replace", columns=["word"], values={"b": "'); DROP TABLE rows; --"})["word"][1]
        == "'); DROP TABLE rows; --"
    )
