"""Checks of form, type, age, other sources and conditions; bounds in time, and shares that are tolerated."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pydantic import ValidationError

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts import catalog

COLUMNS = [
    Column("plate", "text"),
    Column("written", "text"),
    Column("size", "number"),
    Column("count", "integer"),
    Column("at", "timestamp", timezone="Europe/Kyiv"),
    Column("driver", "integer"),
    Column("shift", "text"),
]


def moment(text):
    return datetime.fromisoformat(text)


@pytest.fixture
def check(engine, tmp_path):
    given = pa.table(
        {
            "plate": ["AA1234", "aa1234", "BB1 ", None, "xAA1234y"],
            "written": ["1", "2.5", "x", None, "1e3"],
            "size": pa.array([1.0, 2.0, 2.5, None, 4.0], pa.float64()),
            "count": pa.array([1, 0, 2, None, 1], pa.int64()),
            "at": pa.array(
                [moment(f"2026-01-0{day}T00:30:00") for day in (1, 2, 3)] + [None, moment("2026-01-02T12:00:00")],
                pa.timestamp("us"),
            ),
            "driver": pa.array([1, 2, 3, None, 9], pa.int64()),
            "shift": ["day", "night", None, "day", "day"],
        }
    )
    engine.register("given", given)
    engine.execute("CREATE TABLE rows AS SELECT * FROM given")

    def violations(kind, **options):
        part = catalog.load("checks", kind).model_validate({"kind": kind, **options}).at(tmp_path)
        return part.violations(engine, "rows", COLUMNS)

    return violations


@pytest.mark.parametrize(
    ("kind", "options", "count", "said"),
    [
        ("regex", {"columns": ["plate"], "pattern": "[A-Z]{2}[0-9]{4}"}, 3, "found plate = aa1234"),
        ("regex", {"columns": ["plate"], "pattern": "[A-Z]{2}[0-9]{4}", "match": "search"}, 2, "plate = aa1234"),
        ("regex", {"columns": ["plate"], "pattern": r"(?i)x?\p{L}{2}\d+\D?"}, 0, "full match"),
        ("type", {"columns": ["written"], "type": "number"}, 1, "found written = x"),
        ("type", {"columns": ["written"], "type": "integer"}, 2, "written = 2.5"),
        ("type", {"columns": ["size"], "type": "integer"}, 1, "size = 2.5"),
        ("type", {"columns": ["count"], "type": "number"}, 0, "of type number"),
        ("type", {"columns": ["count"], "type": "boolean"}, 1, "count = 2"),
        ("type", {"columns": ["count"], "type": "text"}, 4, "count = 1"),
        ("type", {"columns": ["at"], "type": "number"}, 4, "of type number"),
        ("expression", {"value": "size >= count"}, 0, "size >= count"),
        ("expression", {"value": "size > 2 * count"}, 2, "count = 1, size = 1.0"),
        ("expression", {"value": "size > 2 * count", "missing": "breaks"}, 3, ""),
        ("expression", {"value": "isnull(shift) or shift = 'day'"}, 1, "shift = night"),
        ("expression", {"value": "not isnull(shift)"}, 1, "found it missing"),
        ("between", {"columns": ["at"], "min": "2026-01-02"}, 1, "at = 2026-01-01"),
        ("between", {"columns": ["at"], "min": "2026-01-02T00:00+00:00"}, 1, "2026-01-01"),
        ("between", {"columns": ["at"], "max": "2026-01-03T02:30"}, 0, "at <= 2026-01-03T02:30"),
        ("between", {"columns": ["at"], "max": "2026-01-03T02:29"}, 1, "2026-01-03"),
    ],
)
def test_checks(check, kind, options, count, said):
    found, text = check(kind, **options)
    assert found == count and said in text


@pytest.mark.parametrize(
    ("max_age", "as_of", "count"),
    [
        ("1d", "2026-01-04T02:30", 0),
        ("1d", "2026-01-04T02:31", 1),
        ("1d", "2026-01-04T00:30Z", 0),
        ("2w", "2026-01-10", 0),
    ],
)
def test_age_is_that_of_the_newest_time_in_its_own_zone(check, max_age, as_of, count):
    found, said = check("freshness", column="at", max_age=max_age, as_of=as_of)
    assert found == count and "newest: 2026-01-03 00:30 UTC" in said


def test_without_a_moment_to_measure_from_freshness_says_until_when_it_holds(check, engine):
    part = catalog.load("checks", "freshness").model_validate({"column": "at", "max_age": "12h"})
    assert part.holds_until(engine, "rows", COLUMNS) == datetime(2026, 1, 3, 12, 30, tzinfo=UTC)
    assert check("freshness", column="at", max_age="12h")[0] == 0, "the clock has no say in what is stored"
    fixed = part.model_copy(update={"as_of": "2026-01-03"})
    assert fixed.holds_until(engine, "rows", COLUMNS) is None


def test_no_time_at_all_is_not_fresh(check, engine):
    engine.execute('UPDATE rows SET "at" = NULL')
    assert check("freshness", column="at", max_age="1d") == (1, "at: at most 1d old (found no time at all)")


def drivers(folder, text, **options):
    (folder / "drivers.csv").write_text(text)
    return {"source": {"kind": "csv", "path": "drivers.csv"}, "columns": ["id"], **options}


def test_keys_have_to_exist_in_another_source(check, tmp_path):
    references = drivers(tmp_path, "id,name\n1,Ann\n2.0,Bo\n3,Cy\n2,Bo\n,\n")
    assert check("foreign_key", columns=["driver"], references=references) == (
        1,
        "driver: in id of drivers.csv (found 9)",
    )


def test_keys_of_several_columns_exist_together(check, tmp_path):
    references = drivers(tmp_path, "id,shift\n1,day\n2,day\n9,day\n", columns=["id", "shift"])
    found, said = check("foreign_key", columns=["driver", "shift"], references=references)
    assert found == 1 and "found 2, night" in said, "a key with a missing column passes"


def test_codes_stay_codes_when_compared(check, engine, tmp_path):
    references = drivers(tmp_path, "id\n007\nAA1234\n")
    engine.execute("UPDATE rows SET plate = '7' WHERE plate = 'aa1234'")
    assert check("foreign_key", columns=["plate"], references=references)[0] == 3


def test_another_source_without_the_column_says_so(check, tmp_path):
    references = drivers(tmp_path, "idd,name\n1,Ann\n")
    with pytest.raises(DataError, match='no column "id"; did you mean "idd"'):
        check("foreign_key", columns=["driver"], references=references)
    with pytest.raises(DataError, match="no such file"):
        check("foreign_key", columns=["driver"], references={**references, "source": {"kind": "csv", "path": "no.csv"}})


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("regex", {"columns": ["size"], "pattern": "a"}, "is of type number"),
        ("regex", {"columns": ["plate"], "pattern": r"\p{Klingon}"}, "not an expression of RE2"),
        ("expression", {"value": "siez > 1"}, 'did you mean "size"'),
        ("expression", {"value": "plate > 1"}, "text is compared with a number"),
        ("between", {"columns": ["size"], "min": "2026-01-01"}, "is of type number"),
        ("between", {"columns": ["at"], "min": 3}, "is of type timestamp"),
        ("freshness", {"column": "size", "max_age": "1d"}, "is of type number"),
    ],
)
def test_what_does_not_fit_the_data_is_said(check, kind, options, said):
    with pytest.raises(SpecError) as caught:
        check(kind, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("regex", {"columns": ["plate"], "pattern": "("}, "is not a regular expression"),
        ("regex", {"columns": ["plate"], "pattern": "a(?=b)"}, "looking ahead or behind"),
        ("regex", {"columns": ["plate"], "pattern": r"(a)\1"}, "a reference back"),
        ("regex", {"columns": ["plate"], "pattern": "a++"}, "possessive"),
        ("type", {"columns": ["plate"], "type": "date"}, "type"),
        ("expression", {"value": "size"}, "is a value, not a condition"),
        ("expression", {"value": "__import__('os') = 1"}, "no function"),
        ("between", {"columns": ["at"], "min": "soon"}, "is no date"),
        ("between", {"columns": ["at"], "min": "2026-02-01", "max": "2026-01-01"}, "larger than"),
        ("between", {"columns": ["at"], "min": "2026-02-01", "max": 3}, "a number and a date"),
        ("between", {"columns": ["at"], "min": "2026-01-01Z", "max": "2026-02-01"}, "is no date"),
        ("freshness", {"column": "at", "max_age": "soon"}, "is not a duration"),
        ("freshness", {"column": "at", "max_age": "1d", "as_of": "now"}, "is no date"),
        ("foreign_key", {"columns": ["driver", "shift"], "references": {"source": "builtin", "columns": ["id"]}}, ""),
        ("not_null", {"columns": ["size"], "max_share": 1}, "less than 1"),
    ],
)
def test_what_can_not_be_is_refused_with_the_spec(kind, options, said):
    with pytest.raises(ValidationError) as caught:
        catalog.load("checks", kind).model_validate({"kind": kind, **options})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "pattern", [r"a\)", "[(?=]", r"\\1", "[[:alpha:]]+", r"\pL+", "(?i)x|(?s)y", r"[^]]\d+?", r"a\z"]
)
def test_what_re2_knows_is_no_problem(pattern, engine):
    from modelwright.parts.patterns import checked_pattern

    assert engine.value("SELECT regexp_matches('x', ?)", [checked_pattern(pattern)]) is not None
