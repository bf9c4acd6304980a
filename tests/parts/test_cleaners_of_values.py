"""Cleaners that choose among duplicates, change types and forms of text, and remove outliers of learn."""

import unicodedata
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.ensemble import IsolationForest

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts import catalog
from modelwright.tables import reading

ID, TEXT, NUMBER = Column("id", "integer", "id"), Column("text", "text"), Column("size", "number")


def fill(engine, **columns):
    """`rows` with these columns, and an empty `rejects`; read from two files, row by row in turn."""
    for table in ("rows", "raw", "rejects", "files"):
        engine.execute(f"DROP TABLE IF EXISTS {table}")
    reading.start(engine, {"id": "BIGINT"}, ["a.csv", "b.csv"])
    table = pa.table(
        {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    )
    files = pa.array([row % 2 for row in range(table.num_rows)], pa.int32())
    engine.register("filled", table.append_column("__file__", files))
    engine.execute("CREATE TABLE rows AS SELECT * FROM filled")


def apply(engine, kind, known, **options):
    part = catalog.load("cleaners", kind).model_validate({"kind": kind, **options})
    return part.apply(engine, "rows", known)


def values(engine, name):
    return [value for (value,) in engine.rows(f'SELECT "{name}" FROM rows ORDER BY rowid')]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, [0, 2, 4, 5, 6]),
        ({"keep": "last"}, [3, 4, 5, 6, 7]),
        ({"order": "size"}, [0, 4, 5, 6, 7]),
        ({"order": "size desc"}, [3, 4, 5, 6, 7]),
        ({"order": "size", "keep": "last"}, [3, 4, 5, 6, 7]),
        ({"order": "size desc", "keep": "last"}, [0, 4, 5, 6, 7]),
        ({"order": "text asc"}, [1, 2, 4, 5, 6]),
        ({"order": "text desc"}, [2, 3, 4, 5, 6]),
    ],
)
def test_of_duplicates_the_one_asked_for_stays(engine, options, kept):
    keys = pa.array([1, 1, 2, 1, 3, None, None, 2], pa.int64())
    size = pa.array([0.5, None, None, 9.0, 1.0, 1.0, 1.0, 2.0], pa.float64())
    fill(engine, id=keys, size=size, text=["b", "a", "c", "d", "e", "e", "e", "c"], row=list(range(8)))
    apply(engine, "drop_duplicates", [ID, NUMBER, TEXT, Column("row", "integer")], keys=["id"], **options)
    assert values(engine, "row") == sorted(kept)


def test_equals_are_decided_by_the_order_of_the_source(engine):
    fill(engine, id=[1, 1, 1], size=[2.0, 2.0, 1.0], row=[0, 1, 2])
    columns = [ID, NUMBER, Column("row", "integer")]
    apply(engine, "drop_duplicates", columns, keys=["id"], order="size desc")
    assert values(engine, "row") == [0]
    fill(engine, id=[1, 1, 1], size=[2.0, 2.0, 1.0], row=[0, 1, 2])
    apply(engine, "drop_duplicates", columns, keys=["id"], order="size", keep="last")
    assert values(engine, "row") == [1]


@pytest.mark.parametrize(
    ("given", "kind", "to", "options", "expected"),
    [
        (["1", " 2", None, "3.5"], "text", "number", {"failed": "missing"}, [1.0, 2.0, None, 3.5]),
        (["1,5", "2"], "text", "number", {"decimal": ","}, [1.5, 2.0]),
        (["1", "2.0", "2.5"], "text", "integer", {"failed": "missing"}, [1, 2, None]),
        (["yes", "0", "TRUE"], "text", "boolean", {}, [True, False, True]),
        ([1.0, None, 2.5], "number", "integer", {"failed": "missing"}, [1, None, None]),
        ([1.0, 0.0], "number", "boolean", {}, [True, False]),
        ([1.0, 2.5, -1e20], "number", "text", {}, ["1", "2.5", "-1e+20"]),
        ([True, None], "boolean", "number", {}, [1.0, None]),
        (["2026-01-02"], "text", "timestamp", {}, [datetime(2026, 1, 2)]),
        (["2026-07-02 12:00"], "text", "timestamp", {"timezone": "Europe/Kyiv"}, [datetime(2026, 7, 2, 9)]),
    ],
)
def test_a_column_is_cast(engine, given, kind, to, options, expected):
    fill(engine, text=given, size=[0.0] * len(given))
    made = apply(engine, "cast", [Column("text", kind), NUMBER], columns=["t*"], to=to, **options)
    assert values(engine, "text") == expected
    assert [(column.name, column.type) for column in made] == [("text", to), ("size", "number")]
    assert [name for name, _ in engine.columns("rows")] == ["text", "size", "__file__"]


def test_what_can_not_be_cast_ends_prepare_and_is_shown(engine):
    fill(engine, id=[7, 8, 9], text=["1", "twelve", "3"])
    with pytest.raises(DataError) as caught:
        apply(engine, "cast", [ID, TEXT], columns=["text"], to="number")
    assert '1 values of "text" are not a number' in str(caught.value)
    assert 'b.csv: "twelve" is not a number (id 8)' in str(caught.value)
    assert values(engine, "text") == ["1", "twelve", "3"]


def test_what_can_not_be_cast_is_refused_with_its_file_and_id(engine):
    fill(engine, id=[7, 8, 9], text=["1", "twelve", None])
    apply(engine, "cast", [ID, TEXT], columns=["text"], to="number", failed="reject")
    assert values(engine, "text") == [1.0, None] and values(engine, "id") == [7, 9]
    found = engine.rows("SELECT * FROM rejects")
    assert found == [("b.csv", None, "text", "twelve", "is not a number (id 8)")]


def test_a_type_that_never_fits_is_an_error_of_the_spec(engine):
    fill(engine, size=[1.0])
    with pytest.raises(SpecError, match="never a timestamp"):
        apply(engine, "cast", [NUMBER], columns=["size"], to="timestamp")


def test_dates_are_read_by_the_first_format_that_fits(engine):
    fill(engine, text=["03.04.2026 10:00", "2026-04-05", "2026-04-05T10:00+02:00", None, "soon"])
    formats = ["%d.%m.%Y %H:%M", "iso"]
    options = {"columns": ["text"], "formats": formats, "timezone": "Europe/Kyiv", "failed": "missing"}
    (column,) = apply(engine, "parse_dates", [TEXT], **options)
    assert column.type == "timestamp" and column.timezone == "Europe/Kyiv"
    assert values(engine, "text") == [
        datetime(2026, 4, 3, 7),
        datetime(2026, 4, 4, 21),
        datetime(2026, 4, 5, 8),
        None,
        None,
    ]


def test_a_time_in_no_known_format_or_zone_is_an_error(engine):
    fill(engine, text=["03.04.2026"])
    with pytest.raises(DataError, match="a time in a known format"):
        apply(engine, "parse_dates", [TEXT], columns=["text"], formats=["%Y/%m/%d"])
    fill(engine, text=["03.04.2026 10:00"])
    with pytest.raises(DataError, match="names no time zone"):
        apply(engine, "parse_dates", [TEXT], columns=["text"], formats=["%d.%m.%Y %H:%M"])
    with pytest.raises(SpecError, match="is not a date format"):
        apply(engine, "parse_dates", [TEXT], columns=["text"], formats=["%Q"], timezone="UTC")


def test_text_that_looks_the_same_becomes_the_same(engine):
    written = ["ﬁne", "fine", " FINE  ", "Ａbc", "café", "cafe\u0301", "x\u00a0\u00a0y", "\u3000", None, "plain"]
    fill(engine, text=written)
    apply(engine, "normalise_text", [TEXT])
    assert values(engine, "text") == ["fine", "fine", "fine", "abc", "café", "café", "x y", None, None, "plain"]


def test_accents_and_case_are_kept_unless_asked(engine):
    fill(engine, text=["Café", "Ørsted", "  a"])
    apply(engine, "normalise_text", [TEXT], lower=False, strip_accents=True, collapse=False)
    assert values(engine, "text")[0] == "Cafe" and values(engine, "text")[2] == "  a"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cn", "Cs"], exclude_characters="\0"), max_size=8),
        min_size=1,
        max_size=20,
    )
)
def test_forms_are_those_of_the_unicode_standard(engine, texts):
    fill(engine, text=texts)
    apply(engine, "normalise_text", [TEXT], lower=False, collapse=False)
    assert values(engine, "text") == [unicodedata.normalize("NFKC", text) or None for text in texts]


def scattered(engine, rows=3000):
    """Two columns with outliers and gaps, in learn (seven tenths) and test."""
    random = np.random.default_rng(5)
    size, count = random.normal(size=rows), random.integers(0, 50, rows)
    size[::100], count[::150] = 40.0, 10_000
    size[7::90] = np.nan
    split = np.where(random.random(rows) < 0.7, "learn", "test")
    fill(engine, size=pa.array(size, from_pandas=True), count=count, __split__=split, row=np.arange(rows))
    return size, count.astype(float), split


COLUMNS = [NUMBER, Column("count", "integer"), Column("row", "integer", "id")]


@pytest.mark.parametrize(("method", "factor"), [("iqr", None), ("iqr", 3.0), ("z_score", None), ("z_score", 2.0)])
def test_outliers_are_dropped_by_the_bounds_of_learn_and_only_from_learn(engine, method, factor):
    *columns, split = scattered(engine)
    learn = split == "learn"
    far = np.zeros(len(split), bool)
    for column in columns:
        known = column[learn & ~np.isnan(column)]
        if method == "iqr":
            low, high = np.quantile(known, [0.25, 0.75])
            reach = (factor or 1.5) * (high - low)
        else:
            low = high = known.mean()
            reach = (factor or 3.0) * known.std()
        far |= (column < low - reach) | (column > high + reach)
    assert far[learn].any() and far[~learn].any()
    apply(engine, "drop_outliers", COLUMNS, method=method, factor=factor)
    assert values(engine, "row") == np.flatnonzero(~(far & learn)).tolist()


def test_a_forest_isolates_the_rows_that_that_of_scikit_learn_does(engine):
    size, count, split = scattered(engine)
    learn = split == "learn"
    matrix = np.column_stack([size, count])[learn]
    filled = np.where(np.isnan(matrix), np.nanmedian(matrix, axis=0), matrix)
    twin = IsolationForest(n_estimators=50, random_state=3, contamination=0.02).fit(filled)
    expected = np.flatnonzero(learn)[twin.predict(filled) == -1]
    apply(engine, "drop_outliers", COLUMNS, method="isolation_forest", contamination=0.02, trees=50, seed=3)
    assert sorted(set(range(3000)) - set(values(engine, "row"))) == expected.tolist()
    assert len(expected) == pytest.approx(0.02 * learn.sum(), abs=1)


@pytest.mark.parametrize("method", ["iqr", "z_score", "isolation_forest"])
def test_nothing_is_an_outlier_where_there_is_nothing_to_say(engine, method):
    for size in ([1.0, 1.0, 1.0, 1.0, 1.0], [None] * 5):
        fill(engine, size=pa.array(size, pa.float64()), __split__=["learn"] * 4 + ["test"])
        apply(engine, "drop_outliers", [NUMBER], method=method)
        assert len(values(engine, "size")) == 5
    fill(engine, size=pa.array([], pa.float64()), __split__=pa.array([], pa.string()))
    apply(engine, "drop_outliers", [NUMBER], method=method)


def test_a_cleaner_that_learns_says_so():
    part = catalog.load("cleaners", "drop_outliers")
    assert part.after_split and not part.row_wise


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("drop_duplicates", {"order": "size"}, "`order` needs `keys`"),
        ("cast", {"columns": ["a"], "to": "date"}, "to"),
        ("cast", {"columns": ["a"], "to": "timestamp", "timezone": "Europe/Kiyv"}, 'did you mean "Europe/Kyiv"'),
        ("parse_dates", {"columns": ["a"], "formats": []}, "formats"),
        ("drop_outliers", {"method": "iqr", "contamination": 0.1}, "says nothing to the method iqr"),
        ("drop_outliers", {"method": "isolation_forest", "factor": 2}, "says nothing to the method"),
        ("drop_outliers", {"contamination": 0.9, "method": "isolation_forest"}, "contamination"),
    ],
)
def test_what_can_not_be_is_refused_with_the_spec(kind, options, said):
    with pytest.raises(ValidationError) as caught:
        catalog.load("cleaners", kind).model_validate({"kind": kind, **options})
    assert said in str(caught.value)


def test_times_become_text_in_utc(engine):
    fill(engine, text=pa.array([datetime(2026, 1, 2, 3, tzinfo=UTC).replace(tzinfo=None)], pa.timestamp("us")))
    apply(engine, "cast", [Column("text", "timestamp", timezone="Europe/Kyiv")], columns=["text"], to="text")
    assert values(engine, "text") == ["2026-01-02T03:00:00Z"]
