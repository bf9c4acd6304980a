"""Types come from all rows; what does not fit is refused with its place, and too much of it is an error."""

from datetime import datetime

import pyarrow as pa
import pytest

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError, SpecError
from modelwright.tables.sources.arrow_rows import read_arrow
from modelwright.tables.typing import Declared, type_rows


@pytest.fixture
def typed(engine, read):
    """Types of the columns of a CSV text, with the table `rows` filled."""

    def type_text(text, declared=None, max_share=0.01, **options):
        reading = read(text, **options)
        return {column.name: column.type for column in type_rows(engine, reading, declared or {}, max_share)[0]}

    return type_text


def column(engine, name):
    return [value for (value,) in engine.rows(f'SELECT "{name}" FROM rows ORDER BY rowid')]


def rejects(engine):
    return engine.rows('SELECT line, "column", value, reason FROM rejects ORDER BY rowid')


@pytest.mark.parametrize(
    ("values", "kind", "read_as"),
    [
        (["1", "-2", " +3 "], "integer", [1, -2, 3]),
        (["1", "2.0"], "number", [1.0, 2.0]),
        (["1e3", ".5", "1."], "number", [1000.0, 0.5, 1.0]),
        (["1_000", "2"], "text", ["1_000", "2"]),
        (["true", "FALSE"], "boolean", [True, False]),
        (["yes", "no"], "text", ["yes", "no"]),
        (
            ["2026-01-02", "2026-01-03T04:05:06.5Z"],
            "timestamp",
            [datetime(2026, 1, 2), datetime(2026, 1, 3, 4, 5, 6, 500000)],
        ),
        (
            ["2026-07-01T10:00+02:00", "2026-07-01 10:00:00-0530"],
            "timestamp",
            [datetime(2026, 7, 1, 8), datetime(2026, 7, 1, 15, 30)],
        ),
        (["2026-02-30"], "text", ["2026-02-30"]),
        (["01234", "94110"], "text", ["01234", "94110"]),
        (["7", "007"], "integer", [7, 7]),
        (["9007199254740993", "1"], "text", ["9007199254740993", "1"]),
        (["9007199254740991"], "integer", [9007199254740991]),
        (["inf", "nan"], "text", ["inf", None]),
        (["NA", "", "null"], "text", [None, None, None]),
        (["\u00a0x\t", "y"], "text", ["x", "y"]),
    ],
)
def test_types_are_inferred(engine, typed, values, kind, read_as):
    assert typed("a,b\n" + "".join(f'"{value}",1\n' for value in values))["a"] == kind
    assert column(engine, "a") == read_as


def test_blanks_are_taken_from_values_of_one_line(engine, typed):
    assert typed("a,b\n x ,1\ny,2\n") == {"a": "text", "b": "integer"}
    assert column(engine, "a") == ["x", "y"]


def test_line_breaks_are_taken_from_the_ends_of_values(engine, typed):
    assert typed('a,b\n"x\n",1\n"\n y",2\n') == {"a": "text", "b": "integer"}
    assert column(engine, "a") == ["x", "y"]


def test_types_come_from_all_rows_not_from_the_first(engine, typed):
    assert typed("a\n" + "1\n" * 5000 + "2.5\n")["a"] == "number"


def test_few_odd_values_are_refused_with_file_and_line(engine, typed):
    text = "a,b\n" + "1,2\n" * 300 + "oops,2\n3,x\n"
    assert typed(text) == {"a": "integer", "b": "integer"}
    assert rejects(engine) == [(302, "a", "oops", "is not a whole number"), (303, "b", "x", "is not a whole number")]
    assert engine.value("SELECT count(*) FROM rows") == 300


def test_mostly_numeric_column_with_too_many_odd_values_asks_what_is_meant(typed):
    with pytest.raises(DataError) as caught:
        typed("a\n" + "1\n" * 50 + "n.d.\n2\nn.d.\n")
    assert "51 values are numbers, 2 are not" in str(caught.value)
    assert 'data.csv:52: "n.d."' in str(caught.value) and "type: text" in str(caught.value)


def test_declared_type_refuses_and_beyond_the_share_stops(engine, typed):
    assert typed("a\n1\nx\n", {"a": Declared("number")}, max_share=0.5) == {"a": "number"}
    assert rejects(engine) == [(3, "a", "x", "is not a number")]


def test_too_many_refused_rows_show_the_first_with_their_places(typed):
    with pytest.raises(
        DataError, match=r'(?s)2 of 4 rows.*max_reject_share \(1\.00%\).*data\.csv:3: a: "x" is not a number'
    ):
        typed("a\n1\nx\n2\ninf\n", {"a": Declared("number")})


def test_unreadable_rows_count_towards_the_share(typed):
    with pytest.raises(DataError, match=r"data\.csv:3: too few values"):
        typed("a,b\n1,2\n3\n")


def test_ids_never_cost_a_row(engine, typed):
    assert typed("a\n" + "1\n" * 300 + "x\n", {"a": Declared(role="id")}) == {"a": "text"}


@pytest.mark.parametrize(
    ("declared", "values", "read_as", "refused"),
    [
        (Declared("boolean"), ["yes", "N", "1", "maybe"], [True, False, True], ["maybe"]),
        (Declared("integer"), ["5.0", "1e3", "5.5"], [5, 1000], ["5.5"]),
        (Declared("text"), ["1", "02"], ["1", "02"], []),
        (Declared("number"), ["1e999", "2"], [2.0], ["1e999"]),
    ],
)
def test_declared_types(engine, typed, declared, values, read_as, refused):
    typed("a,b\n" + "".join(f"{value},1\n" for value in values), {"a": declared}, max_share=0.9)
    assert column(engine, "a") == read_as
    assert [value for _, _, value, _ in rejects(engine)] == refused


def test_decimal_comma(engine, typed):
    assert typed("a;b\n1,5;x\n2;y\n", delimiter=";", decimal=",")["a"] == "number"
    assert column(engine, "a") == [1.5, 2.0]


def test_time_of_day_needs_a_time_zone(engine, typed):
    with pytest.raises(DataError, match=r'(?s)"2026-07-01 10:00" names no time zone.*timezone: UTC'):
        typed("t\n2026-07-01 10:00\n")


def test_time_zone_of_the_spec_is_applied_and_an_offset_in_the_data_wins(engine, typed):
    typed("t\n2026-07-01 10:00\n2026-01-01 10:00\n2026-01-01T10:00Z\n", {"t": Declared(timezone="Europe/Kyiv")})
    assert column(engine, "t") == [datetime(2026, 7, 1, 7), datetime(2026, 1, 1, 8), datetime(2026, 1, 1, 10)]


def test_formats_are_tried_in_order(engine, typed):
    declared = Declared(timezone="UTC", formats=("iso", "%d.%m.%Y %H:%M", "%d/%m/%Y %z"))
    typed("t\n2026-07-02 10:00\n03.07.2026 11:30\n04/07/2026 +0200\n", {"t": declared})
    assert column(engine, "t") == [datetime(2026, 7, 2, 10), datetime(2026, 7, 3, 11, 30), datetime(2026, 7, 3, 22)]


def test_what_is_no_format_is_said(typed):
    with pytest.raises(SpecError, match='"%d-%Q" is not a date format'):
        typed("t\n1-2\n", {"t": Declared(formats=("%d-%Q",))})


def test_declared_column_that_does_not_exist_names_the_near_miss(typed):
    with pytest.raises(SpecError, match='no column "nmae"; did you mean "name"'):
        typed("name\nx\n", {"nmae": Declared("text")})


def test_digest_is_that_of_the_row_whatever_else_is_in_the_data(engine, read):
    def digests(text, **roles):
        for table in ("raw", "rows", "rejects", "files"):
            engine.execute(f"DROP TABLE IF EXISTS {table}")
        type_rows(engine, read(text), {name: Declared(role=role) for name, role in roles.items()}, 0.0)
        return column(engine, ROW_DIGEST)

    small = digests("a,b\n1,x\n2,\n")
    assert digests("b,a\nx,1\n,2\ny,2.5\n")[:2] == small, "column order and later types do not matter"
    assert digests("a,b\n1,x\n1,x\n1,y\n")[0] == digests("a,b\n1,x\n1,x\n1,y\n")[1] != small[1]
    assert digests("a,b\n1,x\n2,x\n", a="id") == digests("a,b\n1,changed\n2,y\n", a="id")
    assert len(set(digests("a,b,c\n,x,1\n,y,2\n", a="id"))) == 2, "a row without an id is its values"
    assert digests("a,b,c\nx,,1\n,x,1\n")[0] != digests("a,b,c\nx,,1\n,x,1\n")[1]


def test_typed_sources_keep_their_types_but_for_what_does_not_fit_the_contract(engine):
    given = pa.table(
        {
            "nan": pa.array([1.0, float("nan"), None]),
            "large": pa.array([2**60, 1, 2], pa.int64()),
            "small": pa.array([1, 2, 3], pa.int8()),
            "moment": pa.array([0, 1, None], pa.timestamp("ms", "UTC")),
            "day": pa.array([0, 1, 2], pa.date32()),
            "flag": pa.array([True, None, False]),
            "word": pa.array(["", "NA", "1"]),
        }
    )
    columns, _ = type_rows(engine, read_arrow(engine, given, "given"), {}, 0.0)
    assert [column.type for column in columns] == [
        "number",
        "text",
        "integer",
        "timestamp",
        "timestamp",
        "boolean",
        "text",
    ]
    assert column(engine, "nan") == [1.0, None, None]
    assert column(engine, "large")[0] == str(2**60)
    assert column(engine, "word") == [None, "NA", "1"], "words of a typed source are meant"
    assert column(engine, "moment")[:2] == [datetime(1970, 1, 1), datetime(1970, 1, 1, 0, 0, 0, 1000)]


def test_columns_of_lists_are_refused_unless_ignored(engine):
    reading = read_arrow(engine, pa.table({"a": [[1], [2]], "b": [1, 2]}), "given")
    with pytest.raises(DataError, match=r"(?s)holds .* values.*role: ignore"):
        type_rows(engine, reading, {}, 0.0)


def test_infinities_are_refused(engine):
    reading = read_arrow(engine, pa.table({"a": [1.0, float("inf")]}), "given")
    type_rows(engine, reading, {}, 0.5)
    assert rejects(engine) == [(2, "a", "inf", "is not a number")]
