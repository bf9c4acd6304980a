"""What SQL says of the past is what counting by hand says, while preparing and while serving; never of the future."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.columns import ROW_DIGEST, Column
from modelwright.core.errors import SpecError
from modelwright.parts import catalog
from modelwright.tables.engine import Engine, open_engine
from modelwright.tables.history import Past, PastValue, add_past, as_of_query

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = [
    Column("who", "text", role="entity"),
    Column("at", "timestamp", role="time", timezone="UTC"),
    Column("x", "number"),
    Column("y", "number", role="target"),
]
STATISTICS = ("count", "mean", "sum", "min", "max", "std")
PYTHON: dict[str, Any] = {
    "count": len,
    "mean": lambda known: statistics.fmean(known) if known else None,
    "sum": lambda known: float(sum(known)) if known else None,
    "min": lambda known: min(known, default=None),
    "max": lambda known: max(known, default=None),
    "std": lambda known: statistics.stdev(known) if len(known) > 1 else None,
}
EARLY = """SELECT * FROM rows WHERE "at" <= TIMESTAMP '2026-01-03 12:00' ORDER BY rowid"""
Row = tuple[str | None, int | None, float | None]  # who, hours since the start, x


@contextmanager
def engine_with(folder: Path, rows: list[Row], threads: int = 2) -> Iterator[Engine]:
    table = pa.table(
        {
            "who": pa.array([who for who, _, _ in rows], pa.string()),
            "at": pa.array(
                [None if at is None else START + timedelta(hours=at) for _, at, _ in rows], pa.timestamp("us")
            ),
            "x": pa.array([x for _, _, x in rows], pa.float64()),
            ROW_DIGEST: pa.array(range(len(rows)), pa.int64()),
        }
    )
    with open_engine(folder, memory=300_000_000, threads=threads, readable=[]) as engine:
        engine.register("given", table)
        engine.execute("CREATE TABLE rows AS SELECT * FROM given")
        yield engine


def by_hand(rows: list[Row], past: Past) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {value.name: [] for value in past.values}
    for who, at, _ in rows:
        for value in past.values:
            if at is None or (past.entity and who is None):
                found[value.name].append(None)
                continue
            before = sorted(
                (
                    (then, number, x)
                    for number, (other, then, x) in enumerate(rows)
                    if then is not None
                    and (past.entity is None or other == who)
                    and (at - then) * 3.6e9 >= max(past.delay_us, 1)
                    and (past.window_us is None or (at - then) * 3.6e9 <= past.window_us)
                ),
            )
            if value.statistic:
                found[value.name].append(PYTHON[value.statistic]([x for _, _, x in before if x is not None]))
            elif len(before) < value.back:
                found[value.name].append(None)
            else:
                then, _, x = before[-value.back]
                found[value.name].append((at - then) * 3600.0 if value.seconds_since else x)
    return found


def assert_alike(found: list[Any], wanted: list[Any], name: str) -> None:
    """Sums are of up to 1e6 and in another order."""
    assert [value is None for value in found] == [value is None for value in wanted], name
    known = [(one, other) for one, other in zip(found, wanted, strict=True) if one is not None]
    assert [one for one, _ in known] == pytest.approx([other for _, other in known], rel=1e-9, abs=1e-4), name


def pasts() -> list[Past]:
    values = tuple(PastValue(name, "number", "x", name) for name in STATISTICS)  # type: ignore[arg-type]
    lags = (
        PastValue("lag 1", "number", "x"),
        PastValue("lag 3", "number", "x", back=3),
        PastValue("since", "number", seconds_since=True),
    )
    hour = 3_600_000_000
    return [
        Past("who", "at", values, window_us=5 * hour),
        Past("who", "at", values, delay_us=2 * hour, window_us=8 * hour),
        Past("who", "at", values + lags),
        Past(None, "at", values + lags, delay_us=hour),
    ]


row = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.one_of(st.none(), st.integers(0, 20)),
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(row, min_size=1, max_size=25), which=st.integers(0, 3))
def test_it_is_what_counting_by_hand_gives(tmp_path: Path, rows: list[Row], which: int):
    past = pasts()[which]
    with engine_with(tmp_path, rows) as engine:
        add_past(engine, "rows", past)
        made = engine.arrow("SELECT * FROM rows ORDER BY rowid")
    assert made["x"].to_pylist() == [x for _, _, x in rows], "the rows keep their order"
    for name, wanted in by_hand(rows, past).items():
        assert_alike(made[name].to_pylist(), wanted, name)


def distinct_times(rows: int) -> list[Row]:
    random = np.random.default_rng(0)
    hours = random.permutation(rows)
    return [("abc"[int(random.integers(3))], int(hour), float(random.normal())) for hour in hours]


@pytest.mark.parametrize("which", range(4))
def test_the_sql_for_serving_says_the_same(tmp_path: Path, which: int):
    past = pasts()[which]
    with engine_with(tmp_path, distinct_times(200)) as engine:
        engine.execute("CREATE TABLE history AS SELECT * FROM rows")
        engine.execute("CREATE TABLE requests AS SELECT * FROM rows ORDER BY rowid")
        add_past(engine, "rows", past)
        prepared = engine.arrow("SELECT * FROM rows ORDER BY __row__")
        asked = engine.arrow(f"SELECT * FROM ({as_of_query([past])}) ORDER BY __row__")
    for value in past.values:
        assert_alike(asked[value.name].to_pylist(), prepared[value.name].to_pylist(), value.name)


@pytest.mark.parametrize("which", range(4))
def test_what_comes_later_changes_nothing(tmp_path: Path, which: int):
    """A leak planted in the future: all later values are replaced by nonsense."""
    past, rows = pasts()[which], distinct_times(120)
    planted = [(who, at, x if at is not None and at < 60 else 1e9) for who, at, x in rows]
    tables = []
    for number, given_rows in enumerate((rows, planted)):
        with engine_with(tmp_path / str(number), given_rows) as engine:
            add_past(engine, "rows", past)
            tables.append(engine.arrow(EARLY))
    for value in past.values:
        assert tables[0][value.name].to_pylist() == tables[1][value.name].to_pylist()
        assert any(tables[0][value.name].to_pylist()), "there is a past at all"


def test_any_number_of_threads_gives_the_same_bits(tmp_path: Path):
    random = np.random.default_rng(1)
    hours, values = random.integers(0, 5000, 40_000), random.normal(size=40_000) * 1e3
    rows: list[Row] = [(f"e{hour % 7}", int(hour), float(x)) for hour, x in zip(hours, values, strict=True)]
    found = []
    for threads in (1, 2, 3):
        with engine_with(tmp_path / str(threads), rows, threads) as engine:
            for number, past in enumerate(pasts()):
                values_of = tuple(replace(value, name=f"{value.name} {number}") for value in past.values)
                add_past(engine, "rows", replace(past, values=values_of))
            found.append(engine.arrow("SELECT * FROM rows ORDER BY rowid"))
    assert found[0].equals(found[1]) and found[0].equals(found[2])


@pytest.mark.parametrize("kind", catalog.builtin_kinds("history"))
def test_names_are_known_before_the_data_is(kind: str):
    part: Any = catalog.load("history", kind).model_validate(
        {"kind": kind, **{**catalog.load("history", kind).example, "columns": ["x", "y"]}}
    )
    assert [value.name for value in part.past(COLUMNS).values] == part.made()


def test_a_past_needs_a_time_and_a_mean_needs_numbers():
    rolling: Any = catalog.load("history", "rolling")
    with pytest.raises(SpecError, match="the past by which time"):
        rolling(columns=["x"], window="7d").past([column for column in COLUMNS if column.name != "at"])
    with pytest.raises(SpecError, match='"who" is of type text'):
        rolling(columns=["who"], window="7d", statistics=["mean"]).past(COLUMNS)
    assert rolling(columns=["who"], window="7d", statistics=["count"]).past(COLUMNS).values
    with pytest.raises(ValueError, match="not a duration"):
        rolling(columns=["x"], window="a week")
