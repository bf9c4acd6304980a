"""Splits are stable, exact where they say so, and never tear duplicates, groups or moments apart."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts import catalog

ROWS = 4000
COLUMNS = [Column("label", "text", "target"), Column("moment", "timestamp", "time"), Column("group", "integer")]


def fill(engine, digests, labels=None, moments=None, groups=None):
    count = len(digests)
    start = datetime(2026, 1, 1)
    table = pa.table(
        {
            "__row__": pa.array(digests, pa.int64()),
            "label": labels or ["a" if number % 10 else "b" for number in range(count)],
            "moment": pa.array(
                moments or [start + timedelta(hours=number) for number in range(count)], pa.timestamp("us")
            ),
            "group": pa.array(groups or [number // 10 for number in range(count)], pa.int64()),
            "__file__": pa.array([int(number % 4 == 0) for number in range(count)], pa.int32()),
        }
    )
    engine.register("given", table)
    engine.execute("DROP TABLE IF EXISTS rows")
    engine.execute("CREATE TABLE rows AS SELECT * FROM given")


def split(engine, kind, columns=COLUMNS, seed=1, **options):
    part = catalog.load("splits", kind).model_validate({"kind": kind, **options})
    before = engine.rows("SELECT * FROM rows ORDER BY rowid")
    part.assign(engine, "rows", columns, seed)
    after = engine.rows("SELECT * FROM rows ORDER BY rowid")
    assert [row[:-1] for row in after] == before, "only the split is added"
    return [row[-1] for row in after]


def test_random_meets_its_shares_about_and_depends_on_the_seed_only(engine):
    fill(engine, range(ROWS))
    first = split(engine, "random", validation=0.2, test=0.3)
    assert first.count("test") == pytest.approx(0.3 * ROWS, rel=0.1)
    assert first.count("validation") == pytest.approx(0.2 * ROWS, rel=0.1)
    fill(engine, range(ROWS))
    assert split(engine, "random", validation=0.2, test=0.3) == first
    fill(engine, range(ROWS))
    assert split(engine, "random", validation=0.2, test=0.3, seed=2) != first


def test_random_is_stable_when_data_grows_and_whatever_the_order(engine):
    fill(engine, range(1000))
    before = dict(zip(range(1000), split(engine, "random"), strict=True))
    fill(engine, list(reversed(range(2000))))
    after = dict(zip(reversed(range(2000)), split(engine, "random"), strict=True))
    assert all(after[digest] == side for digest, side in before.items())


def test_growing_test_share_only_adds_rows(engine):
    fill(engine, range(1000))
    small = split(engine, "random", test=0.1, validation=0)
    fill(engine, range(1000))
    large = split(engine, "random", test=0.2, validation=0)
    assert all(after == "test" for before, after in zip(small, large, strict=True) if before == "test")


@pytest.mark.parametrize("kind", ["random", "stratified", "files"])
def test_duplicates_never_straddle(engine, kind):
    engine.execute("CREATE TABLE files AS SELECT * FROM (VALUES (0, 'a.csv'), (1, 'b_test.csv')) t(file, name)")
    fill(engine, [number // 7 for number in range(700)], labels=["a"] * 700)
    options = {"test": "*_test.csv"} if kind == "files" else {}
    sides = split(engine, kind, **options)
    for start in range(0, 700, 7):
        assert len(set(sides[start : start + 7]) - ({"test"} if kind == "files" else set())) <= 1


def test_groups_stay_together(engine):
    entity = [*COLUMNS[:2], Column("group", "integer", "entity")]
    for columns, options in ((COLUMNS, {"group": "group"}), (entity, {})):
        fill(engine, range(ROWS))
        sides = split(engine, "random", columns, **options)
        assert all(len(set(sides[start : start + 10])) == 1 for start in range(0, ROWS, 10))
        assert set(sides) == {"learn", "validation", "test"}


def test_files_keep_the_rows_of_an_entity_together(engine):
    engine.execute("CREATE TABLE files AS SELECT * FROM (VALUES (0, 'a.csv'), (1, 'b_test.csv')) t(file, name)")
    fill(engine, range(ROWS))
    sides = split(engine, "files", [*COLUMNS[:2], Column("group", "integer", "entity")], test="*_test.csv")
    for start in range(0, ROWS, 10):
        assert len(set(sides[start : start + 10]) - {"test"}) == 1


def test_rows_known_by_one_id_stay_together_even_if_they_disagree_about_the_class(engine):
    fill(engine, [number // 2 for number in range(ROWS)], labels=["ab"[number % 2] for number in range(ROWS)])
    sides = split(engine, "stratified", validation=0.33, test=0.33)
    assert sides[::2] == sides[1::2]


def test_stratified_is_exact_within_each_class(engine):
    fill(engine, range(ROWS))
    labels = ["a" if number % 10 else "b" for number in range(ROWS)]
    sides = split(engine, "stratified", validation=0.15, test=0.25)
    for label, size in (("a", 3600), ("b", 400)):
        inside = [side for side, own in zip(sides, labels, strict=True) if own == label]
        assert (inside.count("test"), inside.count("validation")) == (size * 0.25, size * 0.15)


def test_stratified_refuses_to_tear_groups_apart(engine):
    fill(engine, range(20))
    with pytest.raises(SpecError, match="tear apart"):
        split(engine, "stratified", [*COLUMNS[:2], Column("group", "integer", "entity")])


def test_time_puts_the_latest_rows_last(engine):
    fill(engine, range(100))
    assert split(engine, "time", validation=0.1, test=0.2) == ["learn"] * 70 + ["validation"] * 10 + ["test"] * 20


@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=60), st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.0, 0.2])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_moments_never_straddle(engine, days, test, validation):
    assume(len(set(days)) > 1)
    start = datetime(2026, 1, 1)
    fill(engine, range(len(days)), moments=[start + timedelta(days=day) for day in days])
    sides = split(engine, "time", test=test, validation=validation)
    order = ["learn", "validation", "test"]
    by_time = [order.index(side) for _, side in sorted(zip(days, sides, strict=True), key=lambda pair: pair[0])]
    assert by_time == sorted(by_time)
    for day in set(days):
        assert len({side for own, side in zip(days, sides, strict=True) if own == day}) == 1
    if test == 0:
        assert "test" not in sides


def test_time_needs_a_time_for_every_row(engine):
    fill(engine, range(3), moments=[datetime(2026, 1, 1), None, datetime(2026, 1, 2)])
    with pytest.raises(DataError, match=r"(?s)1 rows have no \"moment\".*isnull"):
        split(engine, "time")
    with pytest.raises(SpecError, match="which time"):
        split(engine, "time", COLUMNS[:1])
    with pytest.raises(SpecError, match="of type text"):
        split(engine, "time", column="label")


def test_files_go_to_test_as_a_whole(engine):
    engine.execute(
        "CREATE TABLE files AS SELECT * FROM (VALUES (0, 'x/a_train.csv'), (1, 'x/a_test.csv')) t(file, name)"
    )
    fill(engine, range(1000))
    sides = split(engine, "files", test="*_test.csv", validation=0.2)
    assert [side == "test" for side in sides] == [number % 4 == 0 for number in range(1000)]
    assert 90 < sides.count("validation") < 210
    for glob, said in (("*_tset.csv", "no file"), ("*", "every file")):
        fill(engine, range(10))
        with pytest.raises(SpecError, match=f"matches {said}"):
            split(engine, "files", test=glob)


@pytest.mark.parametrize("kind", ["random", "stratified", "time"])
def test_shares_that_leave_nothing_to_learn_from_are_refused(kind):
    with pytest.raises(ValidationError):
        catalog.load("splits", kind).model_validate({"kind": kind, "validation": 0.5, "test": 0.5})
