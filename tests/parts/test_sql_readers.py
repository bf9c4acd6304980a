"""Databases are read with their types, in an order that is always the same, and nothing in them is ever changed."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from databases import MariaDb, Postgres, mariadb, postgresql
from modelwright.core.errors import DataError, ModelwrightError, ResourceError
from modelwright.parts.base import Reader
from modelwright.parts.readers.mysql import Mysql
from modelwright.parts.readers.postgresql import Postgresql
from modelwright.parts.readers.sqlite import Sqlite
from modelwright.tables.engine import Engine, open_engine
from modelwright.tables.sources import connections
from modelwright.tables.sources.sql_text import MYSQL, POSTGRESQL, SQLITE, QueryError, check_select, statement

CANARY = "geheim-3f9a"

Rows = list[dict[str, Any]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with open_engine(tmp_path / "engine", memory=200_000_000, threads=2, readable=[]) as opened:
        yield opened


def rows(engine: Engine) -> Rows:
    found: Rows = engine.arrow('SELECT * EXCLUDE ("__file__") FROM raw ORDER BY rowid').to_pylist()
    return found


def kinds(engine: Engine) -> dict[str, str]:
    return {name: kind for name, kind in engine.columns("raw") if name != "__file__"}


# What every query has to keep to, whatever the database


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM rides", "should be one SELECT"),
        ("COPY rides TO PROGRAM 'touch evil'", "should be one SELECT"),
        ("  -- only a comment", "should be one SELECT"),
        ("SELECT 1; DROP TABLE rides", "line 1, column 9: a second statement"),
        ("SELECT 1;\n;", "a second statement"),
        ("WITH gone AS (\n  DELETE FROM rides RETURNING *) SELECT * FROM gone", "line 2, column 3: DELETE is refused"),
        ("SELECT * INTO copied FROM rides", "INTO is refused"),
        ("SELECT id FROM rides FOR UPDATE", "UPDATE is refused"),
        ("SELECT 1) TO PROGRAM 'touch evil' --", '")" closes nothing'),
        ("SELECT (1", 'a "(" is not closed'),
        ("SELECT 'open", "a quote that is not closed"),
    ],
)
@pytest.mark.parametrize("dialect", [POSTGRESQL, MYSQL, SQLITE], ids=["postgresql", "mysql", "sqlite"])
def test_what_is_not_one_select_is_refused_before_it_is_sent(query, said, dialect):
    with pytest.raises(QueryError) as caught:
        check_select(query, dialect)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("query", "dialect", "said"),
    [
        ("SELECT pg_read_file('/etc/passwd')", POSTGRESQL, "pg_read_file"),
        ('SELECT pg_catalog."pg_terminate_backend" (7)', POSTGRESQL, "pg_terminate_backend"),
        ("SELECT dblink_exec('…')", POSTGRESQL, "dblink_exec"),
        ("SELECT set_config('transaction_read_only', 'off', true)", POSTGRESQL, "set_config"),
        ("SELECT E'\\'' || pg_sleep(1)::text || ''", POSTGRESQL, "pg_sleep"),
        ("SELECT /* /* */ pg_sleep(1) */ pg_sleep(2)", POSTGRESQL, "pg_sleep"),
        ("SELECT load_file('/etc/passwd')", MYSQL, "load_file"),
        ("SELECT 1 --2 INTO OUTFILE '/tmp/evil'", MYSQL, "INTO"),
        ("SELECT '\\'' INTO OUTFILE '/tmp/evil' -- '", MYSQL, "INTO"),
        ("SELECT 1 /*!50000 INTO OUTFILE '/tmp/evil' */", MYSQL, "a comment that is executed"),
        ("SELECT 1 /*M! INTO OUTFILE '/tmp/evil' */", MYSQL, "a comment that is executed"),
        ("SELECT load_extension('evil')", SQLITE, "load_extension"),
    ],
)
def test_what_does_more_than_compute_is_refused(query, dialect, said):
    with pytest.raises(QueryError) as caught:
        check_select(query, dialect)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("query", "dialect"),
    [
        ("SELECT 'DELETE; it''s (' AS \"update\", t.delete FROM t -- ; DROP", POSTGRESQL),
        ("SELECT $$ ; DROP TABLE x $$, $a$ ' $a$, E'\\'' FROM t;  ", POSTGRESQL),
        ("(SELECT 1) UNION ALL (SELECT 2) /* ; /* nested */ INTO */", POSTGRESQL),
        ('SELECT "it\'s; INTO", `into` FROM t # INTO\n;', MYSQL),
        ("with a as (select 1) select [into] from a /* never closed", SQLITE),
    ],
)
def test_words_in_quotes_and_comments_are_nothing_to_worry_about(query, dialect):
    check_select(query, dialect)


@given(st.text(alphabet="a1 '\"`$;()-/*#\\\n!", max_size=40))
@settings(max_examples=300)
def test_a_query_is_only_ever_refused_in_words(text):
    for dialect in (POSTGRESQL, MYSQL, SQLITE):
        try:
            check_select(f"SELECT {text}", dialect)
        except QueryError:
            continue
        cleaned = statement(f"SELECT {text}", dialect)
        assert f"SELECT {text}".startswith("SELECT") and len(cleaned) <= len(text) + 7


def test_no_piece_of_a_password_is_told():
    url = f"postgresql://u:p%40ss/{CANARY}@host/db"
    for message in (url, f"bad port {CANARY}", "password p@ss/" + CANARY, "p%40ss"):
        assert CANARY not in connections.without_secrets(message, url)
        assert "p%40ss" not in connections.without_secrets(message, url)


@pytest.mark.parametrize(("reader", "package"), [(Postgresql, "adbc_driver_postgresql.dbapi"), (Mysql, "pymysql")])
def test_missing_driver_is_named_with_what_installs_it(engine, tmp_path, monkeypatch, reader, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ResourceError, match=r"pip install 'modelwright\[(postgresql|mysql)\]'"):
        made(reader, "postgresql://h/d", "SELECT 1 AS a").read(engine, tmp_path)


def made(reader: type[Reader], url: str, query: str, **more: Any) -> Reader:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_URL", url)
        return reader.model_validate({"url": "${env:TEST_URL}", "query": query, **more})


@pytest.mark.parametrize("reader", [Postgresql, Mysql])
def test_only_a_declared_version_stands_for_a_database(tmp_path, reader):
    assert made(reader, "x", "SELECT 1 AS a").fingerprint(tmp_path) is None
    assert made(reader, "x", "SELECT 1 AS a", version="2026-01").fingerprint(tmp_path) == {"version": "2026-01"}


@pytest.mark.parametrize("reader", [Postgresql, Mysql])
def test_a_url_that_is_written_into_the_spec_is_refused(reader):
    with pytest.raises(ValidationError, match="secrets come from the environment"):
        reader.model_validate({"url": f"postgresql://u:{CANARY}@h/d", "query": "SELECT 1 AS a"})


def cut(server_knows: Callable[[], bool], end: Callable[[], object]) -> threading.Thread:
    """Ends something soon after the server is busy with our query."""

    def wait() -> None:
        for _ in range(400):
            if server_knows():
                time.sleep(0.3)
                end()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


# PostgreSQL


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgresql() as server:
        server.run(
            "CREATE TYPE mood AS ENUM ('calm', 'wild');\n"
            "CREATE TABLE kinds (i int, l bigint, f float8, n numeric(10, 2), id numeric(20, 0), ok boolean, t text,"
            " c char(3), d date, local timestamp, at timestamptz, j jsonb, u uuid, m mood);\n"
            "INSERT INTO kinds VALUES (2, 9007199254740993, 0.1, 3.14, 12345678901234567890, true, 'ä', 'x',"
            " '2026-01-02', '2026-01-02 03:04:05', '2026-01-02 03:04:05+02', '{\"a\": 1}',"
            " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'wild');\n"
            "INSERT INTO kinds (i) VALUES (1);\n"
            "CREATE TABLE odd (a int[], iv interval, m money, b bytea, at timestamptz);\n"
            "INSERT INTO odd VALUES ('{1}', '1 day', 1, 'x', 'infinity');\n"
            "CREATE TABLE kept (x int);\n"
            "INSERT INTO kept VALUES (1);\n"
            "CREATE FUNCTION sly() RETURNS int LANGUAGE sql AS $$ INSERT INTO kept VALUES (2) RETURNING x $$;\n"
            f"CREATE USER reader PASSWORD '{CANARY}'"
        )
        yield server


@pytest.fixture
def ask(postgres: Postgres, engine: Engine, tmp_path: Path) -> Callable[..., Rows]:
    def read(query: str, url: str | None = None, **more: Any) -> Rows:
        made(Postgresql, url or postgres.url, query, **more).read(engine, tmp_path)
        return rows(engine)

    return read


def test_postgresql_types_are_kept(ask, engine):
    found = ask("SELECT * FROM kinds ORDER BY i DESC -- the order is ours\n;")
    assert kinds(engine) == {
        **{"i": "BIGINT", "l": "BIGINT", "f": "DOUBLE", "n": "DOUBLE", "id": "VARCHAR", "ok": "BOOLEAN"},
        **{"t": "VARCHAR", "c": "VARCHAR", "d": "DATE", "local": "TIMESTAMP", "at": "TIMESTAMP WITH TIME ZONE"},
        **{"j": "VARCHAR", "u": "VARCHAR", "m": "VARCHAR"},
    }
    assert [row["i"] for row in found] == [1, 2]
    full = found[1]
    assert (full["l"], full["n"], full["id"], full["ok"]) == (9007199254740993, 3.14, "12345678901234567890", True)
    assert full["at"].isoformat() == "2026-01-02T01:04:05+00:00" and full["u"].startswith("a0eebc99")
    assert (full["j"], full["m"], full["t"]) == ('{"a": 1}', "wild", "ä")
    assert all(value is None for name, value in found[0].items() if name != "i")


def test_rows_come_in_the_same_order_whatever_the_server_thinks(ask, engine):
    shuffled = "SELECT g % 7 AS a, g AS b FROM generate_series(1, 1000) g ORDER BY random()"
    assert ask(shuffled) == sorted(({"a": g % 7, "b": g} for g in range(1, 1001)), key=lambda row: (row["a"], row["b"]))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM nope", 'the query fails at line 1: relation "nope" does not exist'),
        ("SELECT i,\n nope FROM kinds", 'at line 2: column "nope" does not exist'),
        ("SELECT 1 / (i - 1) AS x FROM kinds", "division by zero"),
        ("SELECT * FROM kinds WHERE false", "the query gives no rows"),
        ("SELECT i, i FROM kinds", 'two columns of the query are called "i"'),
        ("SELECT 1", "column 1 of the query has no name"),
        ("SELECT a FROM odd", 'column "a" is an array of int4'),
        ("SELECT iv FROM odd", "extract(epoch FROM iv)"),
        ("SELECT m FROM odd", "m::numeric"),
        ("SELECT b FROM odd", "encode(b, 'hex')"),
        ("SELECT at FROM odd", "nullif(at, 'infinity')"),
        ("SELECT sly() AS x", "cannot execute INSERT in a read-only transaction"),
        ("SELECT 1 AS __row__", "__row__"),
    ],
)
def test_what_postgresql_can_t_give_is_said_in_one_line(ask, postgres, query, said):
    with pytest.raises(DataError) as caught:
        ask(query)
    assert said in str(caught.value) and "Query was" not in str(caught.value)
    assert postgres.run("SELECT count(*) FROM kept") == [(1,)]


def test_postgresql_refuses_writes_by_itself_too(ask, postgres, monkeypatch):
    """Were the check before deceived, the session still could not write."""
    monkeypatch.setattr("modelwright.parts.readers.postgresql.check_select", lambda *_: None)
    for query in (
        "WITH gone AS (DELETE FROM kept RETURNING *) SELECT * FROM gone",
        "DELETE FROM kept RETURNING x",
        "SELECT * INTO other FROM kept",
        "SELECT 1 AS a; DELETE FROM kept",
        "SELECT 1) TO PROGRAM 'touch /tmp/evil'; --",
        "SELECT set_config('transaction_read_only', 'off', true), sly()",
    ):
        with pytest.raises(DataError):
            ask(query)
    assert postgres.run("SELECT count(*) FROM kept") == [(1,)]


def test_slow_query_is_given_up(ask):
    with pytest.raises(DataError, match="longer than timeout_s"):
        ask("SELECT count(*) AS n FROM generate_series(1, 100000) a, generate_series(1, 100000) b", timeout_s=0.3)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://reader:{CANARY}@127.0.0.1:1/fleet",
        f"postgresql://reader:x/{CANARY}@h/fleet",
        f"postgresql://reader:{CANARY}@nowhere.invalid/fleet",
        f"host=/nowhere user=reader password={CANARY}",
        f"nonsense {CANARY}",
    ],
)
def test_server_that_can_t_be_reached_is_an_error_without_the_password(ask, url):
    with pytest.raises(DataError, match=r"postgresql: no connection: ") as caught:
        ask("SELECT 1 AS a", url)
    assert CANARY not in str(caught.value) and caught.value.__cause__ is None


def test_wrong_password_is_said_and_not_shown(ask, postgres):
    configuration = postgres.folder / "pg_hba.conf"
    configuration.write_text(f"local all reader scram-sha-256\n{configuration.read_text()}")
    postgres.run("SELECT pg_reload_conf()")
    time.sleep(0.5)
    assert ask("SELECT 1 AS a", postgres.with_user("reader", CANARY)) == [{"a": 1}]
    with pytest.raises(DataError, match="refused the user or the password") as caught:
        ask("SELECT 1 AS a", postgres.with_user("reader", f"{CANARY}-not"))
    assert CANARY not in str(caught.value)


ENDLESS = "SELECT g AS i, repeat('x', 100) AS t FROM generate_series(1, 20000000) g"


def busy(server: Postgres) -> list[tuple[Any, ...]]:
    found = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'"
    return server.run(found)


def test_connection_dropped_in_the_middle_is_an_error(ask, postgres, engine):
    thread = cut(
        lambda: bool(busy(postgres)), lambda: postgres.run(f"SELECT pg_terminate_backend({busy(postgres)[0][0]})")
    )
    with pytest.raises(DataError, match="the server closed the connection"):
        ask(ENDLESS)
    thread.join()
    assert "raw" not in [name for (name,) in engine.rows("SHOW TABLES")]


def test_server_process_killed_in_the_middle_is_an_error(ask, postgres):
    """The last of PostgreSQL's tests: all its sessions end, and it takes a moment to recover."""
    thread = cut(lambda: bool(busy(postgres)), lambda: os.kill(busy(postgres)[0][0], signal.SIGKILL))
    with pytest.raises(DataError, match="the server closed the connection"):
        ask(ENDLESS)
    thread.join()


# SQLite


def sqlite(folder: Path, script: str, name: str = "rides.db") -> Path:
    connection = sqlite3.connect(folder / name)
    connection.executescript(script)
    connection.close()
    return folder / name


def read_sqlite(engine: Engine, folder: Path, **keys: Any) -> Rows:
    Sqlite.model_validate({"path": "rides.db", **keys}).read(engine, folder)
    return rows(engine)


def test_sqlite_gives_types_by_what_is_there(engine, tmp_path):
    sqlite(
        tmp_path,
        "CREATE TABLE t (a INT, b REAL, c TEXT, d, e);"
        "INSERT INTO t VALUES (1, 1, 'x', 1, NULL), (2, 2.5, 'y', 'two', NULL), (NULL, NULL, NULL, 2.5, NULL)",
    )
    found = read_sqlite(engine, tmp_path, table="t")
    assert kinds(engine) == {"a": "BIGINT", "b": "DOUBLE", "c": "VARCHAR", "d": "VARCHAR", "e": "VARCHAR"}
    assert [row["b"] for row in found] == [1.0, 2.5, None] and [row["d"] for row in found] == ["1", "two", "2.5"]


def test_number_column_with_a_word_in_it_refuses_that_row(engine, tmp_path):
    from modelwright.tables.typing import type_rows

    values = ", ".join(f"({number})" for number in range(300))
    sqlite(tmp_path, f"CREATE TABLE t (km); INSERT INTO t VALUES {values}, ('none')")
    reading = Sqlite(path="rides.db", table="t").read(engine, tmp_path)
    (column,), _ = type_rows(engine, reading, {}, 0.01)
    assert column.type == "integer"
    assert engine.rows('SELECT file, line, "column", value FROM rejects') == [("rides.db", 301, "km", "none")]


def test_sqlite_query_joins_and_aggregates(engine, tmp_path):
    sqlite(tmp_path, "CREATE TABLE t (k, v); INSERT INTO t VALUES ('a', 1), ('a', 2), ('b', 5)")
    assert read_sqlite(engine, tmp_path, query="SELECT k, sum(v) AS v FROM t GROUP BY k ORDER BY k DESC; -- done") == [
        {"k": "b", "v": 5},
        {"k": "a", "v": 3},
    ]


def test_sqlite_header_is_known_without_reading(tmp_path):
    sqlite(tmp_path, "CREATE TABLE t (k, v)")
    assert Sqlite(path="rides.db", table="t").header(tmp_path) == ["k", "v"]
    assert Sqlite(path="rides.db", query="SELECT v, k AS l FROM t").header(tmp_path) == ["v", "l"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"table": "ts"}, 'no table "ts"; did you mean "t"?'),
        ({"query": "SELECT nope FROM t"}, "the query fails: no such column: nope"),
        ({"query": "SELECT * FROM t WHERE 0"}, "the query gives no rows"),
        ({"query": "SELECT k, k FROM t"}, 'two columns of the query are called "k"'),
        ({"table": "bytes"}, 'column "b" holds bytes'),
        ({"query": "SELECT * FROM pragma_user_version"}, "the query does more than select"),
        ({"table": "lottery"}, "the function random is refused"),
        (
            {
                "query": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n",
                "timeout_s": 0.2,
            },
            "longer than timeout_s",
        ),
    ],
)
def test_what_sqlite_can_t_give_is_said(engine, tmp_path, keys, said):
    sqlite(
        tmp_path,
        "CREATE TABLE t (k, v); INSERT INTO t VALUES (1, 2); CREATE TABLE bytes (b); INSERT INTO bytes VALUES (x'00');"
        "CREATE VIEW lottery AS SELECT random() AS r",
    )
    with pytest.raises(DataError) as caught:
        read_sqlite(engine, tmp_path, **keys)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT random() AS r",
        "SELECT date('now') AS d",
        "SELECT datetime() AS d",
        "SELECT current_timestamp AS d",
        "ATTACH 'other.db' AS o",
        "PRAGMA user_version = 3",
        "SELECT 1; DELETE FROM t",
    ],
)
def test_what_sqlite_would_give_differently_or_write_is_refused_in_the_spec(query):
    with pytest.raises(ValidationError):
        Sqlite(path="rides.db", query=query)


def test_nothing_in_an_sqlite_file_can_be_changed(engine, tmp_path, monkeypatch):
    """Were the check before deceived, the connection still could not write, attach or load."""
    path = sqlite(tmp_path, "CREATE TABLE t (k); INSERT INTO t VALUES (1)")
    before = path.read_bytes()
    monkeypatch.setattr("modelwright.tables.sources.sqlite_files.check_repeatable", lambda _: None)
    for query in (
        "DELETE FROM t RETURNING k",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a RETURNING k",
        "ATTACH 'evil.db' AS evil",
        "PRAGMA journal_mode = DELETE",
        "SELECT load_extension('evil') AS e",
        "VACUUM INTO 'evil.db'",
    ):
        with pytest.raises(DataError):
            read_sqlite(engine, tmp_path, query=query)
        engine.execute("DROP TABLE IF EXISTS arriving")
    assert path.read_bytes() == before and sorted(file.name for file in tmp_path.iterdir()) == ["engine", "rides.db"]


def test_changes_not_yet_in_the_sqlite_file_are_read_and_count_as_input(engine, tmp_path):
    writer = sqlite3.connect(tmp_path / "rides.db", isolation_level=None)
    writer.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (k); INSERT INTO t VALUES (1)")
    reader = Sqlite(path="rides.db", table="t")
    assert [path.name for path in reader.inputs(tmp_path)] == ["rides.db", "rides.db-wal"]
    assert read_sqlite(engine, tmp_path, table="t") == [{"k": 1}]
    writer.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["engine", "rides.db"]
    reader.header(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["engine", "rides.db"]


def test_file_that_is_no_sqlite_database_is_said(engine, tmp_path):
    (tmp_path / "rides.db").write_text("k,v\n1,2\n")
    with pytest.raises(DataError, match=r"rides\.db: this is not an SQLite database"):
        read_sqlite(engine, tmp_path, table="t")
    whole = sqlite(tmp_path, f"CREATE TABLE t (k); INSERT INTO t VALUES ('{'x' * 100_000}')", "whole.db").read_bytes()
    (tmp_path / "rides.db").write_bytes(whole[:5000] + b"\xff" * 200 + whole[5200:40_000])
    with pytest.raises(DataError):
        read_sqlite(engine, tmp_path, table="t")


VALUES = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text("ab1 é", max_size=5)
)


@given(st.lists(st.tuples(VALUES, st.one_of(st.none(), st.integers(-5, 5))), min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_sqlite_is_lost(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("sqlite")
    path = sqlite(folder, "CREATE TABLE t (a, b)")
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany("INSERT INTO t VALUES (?, ?)", values)
    connection.close()
    with open_engine(folder / "engine", memory=200_000_000, threads=1, readable=[]) as engine:
        found = read_sqlite(engine, folder, table="t")
        text = kinds(engine)["a"] == "VARCHAR"
    assert [row["b"] for row in found] == [b for _, b in values]
    for row, (a, _) in zip(found, values, strict=True):
        wanted = a if a is None or not text or isinstance(a, str) else repr(a)
        assert row["a"] == wanted or row["a"] == pytest.approx(wanted)


# MySQL and MariaDB


@pytest.fixture(scope="module")
def maria() -> Iterator[MariaDb]:
    with mariadb() as server:
        server.run(
            "USE fleet;\n"
            "CREATE TABLE kinds (i int, l bigint unsigned, f double, n decimal(10, 2), id decimal(20, 0), t text,"
            " d date, local datetime, at timestamp NULL, j json, m enum('calm', 'wild'));\n"
            "SET time_zone = '+02:00';\n"
            "INSERT INTO kinds VALUES (2, 18446744073709551615, 0.1, 3.14, 12345678901234567890, 'ä', '2026-01-02',"
            " '2026-01-02 03:04:05', '2026-01-02 03:04:05', '{\"a\": 1}', 'wild');\n"
            "INSERT INTO kinds (i) VALUES (1);\n"
            "SET sql_mode = '';\n"
            "CREATE TABLE odd (t time, b bit(3), bytes blob, zero datetime);\n"
            "INSERT INTO odd VALUES ('10:00', b'101', 'x', '0000-00-00');\n"
            "CREATE TABLE kept (x int);\n"
            "INSERT INTO kept VALUES (1);\n"
            "CREATE FUNCTION sly() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO kept VALUES (2); RETURN 1; END;\n"
            f"CREATE USER reader IDENTIFIED BY '{CANARY}'"
        )
        yield server


@pytest.fixture
def query(maria: MariaDb, engine: Engine, tmp_path: Path) -> Callable[..., Rows]:
    def read(text: str, url: str | None = None, **more: Any) -> Rows:
        made(Mysql, url or maria.url, text, **more).read(engine, tmp_path)
        return rows(engine)

    return read


def test_mysql_types_are_kept(query, engine):
    found = query("SELECT * FROM kinds ORDER BY i DESC -- the order is ours\n;")
    assert kinds(engine) == {
        **{"i": "HUGEINT", "l": "HUGEINT", "f": "DOUBLE", "n": "DOUBLE", "id": "VARCHAR", "t": "VARCHAR"},
        **{"d": "DATE", "local": "TIMESTAMP", "at": "TIMESTAMP WITH TIME ZONE", "j": "VARCHAR", "m": "VARCHAR"},
    }
    assert [int(row["i"]) for row in found] == [1, 2]
    full = found[1]
    assert (int(full["l"]), full["f"], full["n"], full["id"]) == (2**64 - 1, 0.1, 3.14, "12345678901234567890")
    assert full["at"].isoformat() == "2026-01-02T01:04:05+00:00" and (full["t"], full["m"]) == ("ä", "wild")
    assert all(value is None for name, value in found[0].items() if name != "i")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT * FROM nope", "Table 'fleet.nope' doesn't exist"),
        ("SELECT * FROM kinds WHERE 0", "the query gives no rows"),
        ("SELECT t FROM odd", "time_to_sec(t)"),
        ("SELECT b FROM odd", "b + 0"),
        ("SELECT bytes FROM odd", "hex(bytes)"),
        ("SELECT zero FROM odd", '"0000-00-00 00:00:00" is no timestamp'),
        ("SELECT sly() AS x", "READ ONLY transaction"),
    ],
)
def test_what_mysql_can_t_give_is_said_in_one_line(query, maria, text, said):
    with pytest.raises(DataError) as caught:
        query(text)
    assert said in str(caught.value)
    assert maria.run("SELECT count(*) FROM fleet.kept") == [(1,)]


def test_mysql_refuses_writes_by_itself_too(query, maria, monkeypatch):
    monkeypatch.setattr("modelwright.parts.readers.mysql.check_select", lambda *_: None)
    for text in (
        "DELETE FROM kept",
        "SELECT 1 AS a; DELETE FROM kept",
        "DROP TABLE kept",
        "INSERT INTO kept VALUES (3)",
    ):
        with pytest.raises(ModelwrightError):
            query(text)
    assert maria.run("SELECT count(*) FROM fleet.kept") == [(1,)]


def test_mysql_says_wrong_passwords_and_addresses_without_showing_them(query, maria):
    for url, said in (
        (maria.with_user("reader", f"{CANARY}-not"), "refused the user or the password"),
        (f"mysql://reader:{CANARY}@127.0.0.1:1/fleet", "no connection: "),
        (f"mysql://reader:x/{CANARY}@host", "no URL of a MySQL database"),
        (f"oracle://reader:{CANARY}@host/fleet", "no URL of a MySQL database"),
    ):
        with pytest.raises(DataError, match=said) as caught:
            query("SELECT 1 AS a", url)
        assert CANARY not in str(caught.value)


def test_mysql_gives_up_slow_queries_and_notices_a_killed_server(query, maria):
    with pytest.raises(DataError, match="longer than timeout_s"):
        query("SELECT count(*) AS n FROM seq_1_to_100000 a, seq_1_to_100000 b", timeout_s=0.3)
    endless = "SELECT seq AS i, repeat('x', 100) AS t FROM seq_1_to_20000000"
    listed = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT seq%'"
    thread = cut(lambda: bool(maria.run(listed)), lambda: maria.run(f"KILL {maria.run(listed)[0][0]}"))
    with pytest.raises(DataError, match="the server closed the connection"):
        query(endless)
    thread.join()
