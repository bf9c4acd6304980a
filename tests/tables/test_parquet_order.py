"""The split tables keep the order of the rows, and have the same bytes for any number of threads."""

import pyarrow.parquet as pq

from modelwright.core.columns import Column
from modelwright.tables.engine import open_engine
from modelwright.tables.split_files import MOST_ROWS, write_splits

COLUMNS = [Column("i", "integer"), Column("s", "text"), Column("f", "number"), Column("t", "timestamp", timezone="UTC")]
SIDES = ("learn", "validation", "test")


def test_several_row_groups_have_the_same_bytes_for_any_number_of_threads(tmp_path):
    written = set()
    for turn, threads in enumerate((1, 2, 3, 4, 1)):
        folder = tmp_path / str(turn)
        with open_engine(folder, memory=400_000_000, threads=threads, readable=[]) as engine:
            engine.execute(
                "CREATE TABLE rows AS SELECT i, 'n' || (i % 77) AS s, if(i % 7 > 0, i * 0.1::DOUBLE, NULL) AS f, "
                "make_timestamp(i * 1000000) AS t, i AS __row__, "
                "CASE hash(i) % 5 WHEN 0 THEN 'test' WHEN 1 THEN 'validation' ELSE 'learn' END AS __split__ "
                "FROM range(500000) r(i)"
            )
            engine.execute("DELETE FROM rows WHERE hash(i) % 97 = 5")
            write_splits(engine, COLUMNS, {side: folder / f"{side}.parquet" for side in SIDES})
        written.add(tuple((folder / f"{side}.parquet").read_bytes() for side in SIDES))
    assert len(written) == 1
    sizes = pq.read_metadata(folder / "learn.parquet")
    assert [sizes.row_group(at).num_rows for at in range(sizes.num_row_groups)][:3] == [MOST_ROWS] * 3
    numbers = [pq.read_table(folder / f"{side}.parquet", columns=["i"])["i"].to_pylist() for side in SIDES]
    assert all(found == sorted(found) and found for found in numbers)
    assert len(set().union(*numbers)) == sum(map(len, numbers)) < 500_000


def test_a_split_without_rows_is_a_file_with_its_columns(tmp_path):
    with open_engine(tmp_path / "e", memory=200_000_000, threads=2, readable=[tmp_path]) as engine:
        engine.execute("CREATE TABLE rows AS SELECT 1.5::DOUBLE AS f, 7::BIGINT AS __row__, 'learn' AS __split__")
        write_splits(engine, [Column("f", "number")], {side: tmp_path / f"{side}.parquet" for side in SIDES})
    assert [pq.read_metadata(tmp_path / f"{side}.parquet").num_rows for side in SIDES] == [1, 0, 0]
    assert pq.read_schema(tmp_path / "test.parquet").names == ["f", "__row__"]


def test_fractions_and_ids_lie_in_the_file_as_they_are_and_other_texts_as_codes(tmp_path):
    columns = [Column("u", "text", "id"), Column("s", "text"), Column("f", "number")]
    with open_engine(tmp_path / "e", memory=200_000_000, threads=1, readable=[tmp_path]) as engine:
        engine.execute("CREATE TABLE rows AS SELECT 'n' || i AS u, 's' AS s, i * 0.1::DOUBLE AS f, "
                       "i AS __row__, 'learn' AS __split__ FROM range(9) r(i)")  # fmt: skip
        write_splits(engine, columns, {side: tmp_path / f"{side}.parquet" for side in SIDES})
    group = pq.read_metadata(tmp_path / "learn.parquet").row_group(0)
    assert ["RLE_DICTIONARY" in group.column(at).encodings for at in range(3)] == [False, True, False]
    assert [group.column(at).compression for at in range(3)] == ["SNAPPY", "SNAPPY", "UNCOMPRESSED"]
