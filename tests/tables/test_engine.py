"""The engine keeps to its folder, fetches nothing, and writes the same bytes whatever the number of threads."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from modelwright.core.errors import ResourceError
from modelwright.tables.engine import literal, open_engine, quote

MEMORY = 300_000_000


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
        "COPY (SELECT 1) TO '/tmp/escaped.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '1TB'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_doors_are_closed(engine, sql):
    with pytest.raises(duckdb.Error):
        engine.execute(sql)


def test_only_the_named_files_are_readable(tmp_path: Path):
    for name in ("open.csv", "shut.csv"):
        (tmp_path / name).write_text("a\n1\n")
    with open_engine(tmp_path / "e", memory=MEMORY, threads=1, readable=[tmp_path / "open.csv"]) as engine:
        assert engine.rows(f"SELECT * FROM read_csv({literal(str(tmp_path / 'open.csv'))})") == [(1,)]
        with pytest.raises(duckdb.PermissionException):
            engine.rows(f"SELECT * FROM read_csv({literal(str(tmp_path / 'shut.csv'))})")


def test_home_folder_stays_untouched(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from modelwright.tables.engine import open_engine\n"
        f"with open_engine(Path({str(tmp_path / 'e')!r}), memory=10**8, threads=1, readable=[]) as engine:\n"
        "    engine.rows(\"SELECT timezone('Europe/Kyiv', TIMESTAMP '2026-07-01 12:00:00')::VARCHAR\")\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HOME": str(home)})
    assert list(home.iterdir()) == []


def test_parquet_bytes_do_not_depend_on_threads(tmp_path: Path):
    found = set()
    for threads in (1, 2, 3):
        with open_engine(tmp_path / str(threads), memory=MEMORY, threads=threads, readable=[]) as engine:
            engine.execute(
                "CREATE TABLE t AS SELECT i, hash(i) % 997 AS h, 'n' || (i % 77) AS s, "
                "CASE WHEN i % 7 > 0 THEN i * 0.1::DOUBLE END AS f FROM range(300000) r(i)"
            )
            engine.replace(
                "t", "SELECT * FROM t WHERE rowid IN (SELECT min(rowid) FROM t GROUP BY h, s) ORDER BY rowid"
            )
            path = tmp_path / str(threads) / "t.parquet"
            engine.write_parquet("SELECT * FROM t ORDER BY rowid", path)
            found.add(path.read_bytes())
    assert len(found) == 1


def test_too_little_memory_is_the_users_to_mend(tmp_path: Path):
    with (
        open_engine(tmp_path / "e", memory=20_000_000, threads=1, readable=[]) as engine,
        pytest.raises(ResourceError, match="memory"),
    ):
        engine.value("SELECT length(string_agg(repeat('x', 1000), '')) FROM range(200000)")


def test_identifiers_and_texts_are_quoted():
    assert quote('a"b') == '"a""b"'
    assert literal("it's") == "'it''s'"


def test_arrow_goes_in_and_out_and_empty_results_are_none(engine):
    engine.register("given", pa.table({"x": [3, 1, 2]}))
    assert engine.arrow("SELECT * FROM given").column("x").to_pylist() == [3, 1, 2]
    assert sum(batch.num_rows for batch in engine.batches("SELECT * FROM given", 2)) == 3
    assert engine.value("SELECT x FROM given WHERE x > 5") is None
