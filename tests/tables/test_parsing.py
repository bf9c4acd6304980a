"""Short ways of reading text give what the long ones give."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelwright.tables import parsing
from modelwright.tables.engine import literal, open_engine
from modelwright.tables.inference import MOSTLY, surely_text

MOMENTS = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(sep=" ", timespec="seconds")),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(\.5|Z|\+02)?", fullmatch=True),
    st.text(alphabet="0123456789-: TZ", max_size=20),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    with open_engine(folder, memory=200_000_000, threads=1, readable=[]) as opened:
        yield opened


@given(MOMENTS, st.sampled_from([None, "UTC", "Europe/Kyiv"]))
@example("2026-01-31 23:59:59", "UTC")
@example("2026-02-30 00:00:00", "UTC")
@example("10000-01-01 00:00:00", None)
@example("0044-03-15 (BC)", None)
@example("infinity", "UTC")
def test_moments_written_plainly_are_read_as_all_others(engine, written, zone):
    text = literal(written)
    short = parsing.canonical_timestamp(text, f"try_cast({text} AS TIMESTAMP)", zone)
    assert engine.value(f"SELECT {short}") == engine.value(f"SELECT {parsing.timestamp(text, (), zone)}")


def test_a_time_in_utc_needs_no_turning(engine):
    local = "TIMESTAMP '2026-03-29 03:30:00'"
    assert engine.value(f"SELECT {parsing.in_utc(local, 'UTC')} = timezone('UTC', timezone('UTC', {local}))")
    assert engine.value(f"SELECT {parsing.in_utc(local, 'Europe/Kyiv')} = {local}") is False


@given(st.lists(st.sampled_from([None, "word", "1", "12"]), min_size=1, max_size=40))
def test_a_column_told_by_its_first_rows_is_text_by_all_of_them(engine, values):
    listed = ", ".join("(NULL)" if value is None else f"({literal(value)})" for value in values)
    engine.execute(f"CREATE OR REPLACE TABLE told AS SELECT * FROM (VALUES {listed}) t(a)")
    present, words = len(values) - values.count(None), values.count("word")
    assert surely_text(engine, "told", ["a"]) == ({"a"} if words and present - words < MOSTLY * present else set())
