"""What the engine writes keeps the order of the table, and has the same bytes for any number of threads."""

import pyarrow.parquet as pq

from modelwright.tables.engine import open_engine


def test_several_row_groups_have_the_same_bytes_for_any_number_of_threads(tmp_path):
    written = set()
    for turn, threads in enumerate((1, 2, 3, 4, 3, 2, 1)):
        folder = tmp_path / str(turn)
        with open_engine(folder, memory=400_000_000, threads=threads, readable=[]) as engine:
            engine.execute(
                "CREATE TABLE rows AS SELECT i, hash(i) % 3 AS side, 'n' || (i % 77) AS s, i * 0.1::DOUBLE AS f "
                "FROM range(700000) r(i)"
            )
            engine.execute("DELETE FROM rows WHERE hash(i) % 97 = 5")
            engine.write_parquet("SELECT i, s, f FROM rows WHERE side = 1", folder / "t.parquet")
        written.add((folder / "t.parquet").read_bytes())
    table = pq.read_table(folder / "t.parquet")
    assert len(written) == 1
    assert pq.read_metadata(folder / "t.parquet").num_row_groups > 1
    assert table["i"].to_pylist() == sorted(table["i"].to_pylist())
