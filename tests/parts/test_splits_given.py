"""Splits that the data itself says, gaps in time, and data that can't be split: clear words instead of empty sides."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from pydantic import ValidationError

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts import catalog

START = datetime(2026, 1, 1)


def table(engine, columns, types):
    rows = len(next(iter(columns.values())))
    made = pa.table(
        {"__row__": pa.array(range(rows), pa.int64()), **{name: pa.array(v) for name, v in columns.items()}}
    )
    engine.register("given", made)
    engine.execute("CREATE OR REPLACE TABLE rows AS SELECT * FROM given")
    return [Column(name, kind) for name, kind in types.items()]


def split(engine, columns, kind, **options):
    part = catalog.load("splits", kind).model_validate_json(pydantic_json({"kind": kind, **options}))
    part.assign(engine, "rows", columns, 1)
    return engine.rows("SELECT * EXCLUDE (__row__) FROM rows ORDER BY rowid")


def pydantic_json(content):
    from pydantic_core import to_json

    return to_json(content)


FOLDS = ["train"] * 6 + ["dev"] * 2 + ["test"] * 2


def test_column_says_the_side_of_each_row(engine):
    columns = table(engine, {"fold": FOLDS}, {"fold": "text"})
    found = split(engine, columns, "column", column="fold")
    assert [side for _, side in found] == ["learn"] * 6 + ["validation"] * 2 + ["test"] * 2
    assert catalog.load("splits", "column")(column="fold").spent() == ("fold",)


@pytest.mark.parametrize(
    ("values", "kind", "learn", "test"),
    [([0, 1, 2] * 4, "integer", [0, 1], [2]), ([True, False] * 6, "boolean", [True], [False])],
)
def test_column_may_hold_numbers_or_booleans(engine, values, kind, learn, test):
    columns = table(engine, {"fold": values}, {"fold": kind})
    found = split(engine, columns, "column", column="fold", learn=learn, test=test, validation=0)
    assert all(side == ("test" if value in test else "learn") for value, side in found)


def test_column_without_validation_rows_gives_a_share_of_learn(engine):
    columns = table(engine, {"fold": ["train"] * 1000 + ["test"] * 500}, {"fold": "text"})
    sides = [side for _, side in split(engine, columns, "column", column="fold", validation=0.2)]
    assert sides[1000:] == ["test"] * 500
    assert 150 < sides[:1000].count("validation") < 250 and "test" not in sides[:1000]


@pytest.mark.parametrize(
    ("extra", "said"),
    [(["Train", "Train", "?"], r"no side in 3 rows: 'Train' \(2\), '\?' \(1\)"), ([None], r"1 rows: no value \(1\)")],
)
def test_rows_whose_side_is_not_said_are_an_error_with_count_and_example(engine, extra, said):
    columns = table(engine, {"fold": FOLDS + extra}, {"fold": "text"})
    with pytest.raises(DataError, match=said):
        split(engine, columns, "column", column="fold")


def test_column_split_says_what_is_wrong_with_it(engine):
    columns = table(engine, {"fold": ["train"] * 5 + ["test"] * 5}, {"fold": "text"})
    with pytest.raises(DataError, match=r"(?s)no row is for validation.*validation: 0.15"):
        split(engine, columns, "column", column="fold")
    with pytest.raises(SpecError, match='did you mean "fold"'):
        split(engine, columns, "column", column="fodl")
    with pytest.raises(SpecError, match="is the target"):
        split(engine, [Column("fold", "text", "target")], "column", column="fold")
    with pytest.raises(ValidationError, match="stands for learn and for test"):
        split(engine, columns, "column", column="fold", test=["train"])
    with pytest.raises(ValidationError, match="nothing to learn from"):
        split(engine, columns, "column", column="fold", test=0.5, validation=0.5)


def test_files_may_name_those_of_validation(engine):
    names = ", ".join(f"({n}, '{name}.csv')" for n, name in enumerate(["train", "dev", "test"]))
    engine.execute(f"CREATE TABLE files AS SELECT * FROM (VALUES {names}) t(file, name)")
    columns = table(engine, {"__file__": [0, 0, 1, 2]}, {})
    found = split(engine, columns, "files", test="test*", validation="dev*")
    assert [side for _, side in found] == ["learn", "learn", "validation", "test"]
    columns = table(engine, {"__file__": [0, 0, 1, 2]}, {})
    with pytest.raises(SpecError, match=r"split.validation: \"valid\*\" matches no file"):
        split(engine, columns, "files", test="test*", validation="valid*")


def test_gap_takes_out_the_rows_just_before_each_side(engine):
    days = [START + timedelta(days=day) for day in range(100)]
    columns = table(engine, {"at": pa.array(days, pa.timestamp("us"))}, {"at": "timestamp"})
    found = split(engine, columns, "time", column="at", validation=0.2, test=0.2, gap="7d")
    by_side = {name: [at for at, side in found if side == name] for name in ("learn", "validation", "test")}
    assert len(found) == 100 - 6 - 6, "a row seven days before is far enough"
    assert by_side["validation"][0] - by_side["learn"][-1] == timedelta(days=7)
    assert by_side["test"][0] - by_side["validation"][-1] == timedelta(days=7)
    assert by_side["test"] == days[80:] and by_side["validation"][0] == days[60]


def test_gap_of_numbers(engine):
    columns = table(engine, {"year": list(range(2000, 2020))}, {"year": "integer"})
    found = split(engine, columns, "time", column="year", validation=0, test=0.25, gap=2)
    assert [year for year, side in found if side == "learn"] == list(range(2000, 2014))
    columns = table(engine, {"year": list(range(2000, 2020))}, {"year": "integer"})
    with pytest.raises(SpecError, match="give a number"):
        split(engine, columns, "time", column="year", gap="7d")
    with pytest.raises(ValidationError, match="not a duration"):
        split(engine, columns, "time", column="year", gap="soon")


def test_one_moment_for_all_rows_is_an_error(engine):
    columns = table(engine, {"year": [2026] * 10}, {"year": "integer"})
    with pytest.raises(DataError, match="2026 in all 10 rows"):
        split(engine, columns, "time", column="year")


def test_fewer_groups_than_sides_is_an_error(engine):
    columns = table(engine, {"shop": ["a"] * 50 + ["b"] * 50}, {"shop": "text"})
    with pytest.raises(DataError, match=r'"shop" has 2 different values.*too few for learn, validation, test'):
        split(engine, columns, "random", group="shop")
    found = split(engine, columns, "random", group="shop", validation=0, test=0.5)
    assert len(set(found)) == 2


def test_strata_with_missing_values_keep_their_mix(engine):
    others = {name: range(200) for name in ("stratum", "test_end", "share", "digest", "least", "torn", "cuts")}
    columns = table(engine, {"s": ["a", None] * 100, **others}, {"s": "text"})
    found = split(engine, columns, "stratified", column="s", validation=0.1, test=0.2)
    for value in ("a", None):
        sides = [row[-1] for row in found if row[0] == value]
        assert (sides.count("test"), sides.count("validation")) == (20, 10)
    assert engine.columns("rows")[-1][0] == "__split__", "nothing else is left behind"
