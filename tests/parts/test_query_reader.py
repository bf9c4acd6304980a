"""A query joins named sources and reaches nothing else; the same data gives the same rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from modelwright.core.errors import DataError, ModelwrightError, SpecError
from modelwright.parts.readers.query import Query
from modelwright.tables.engine import open_engine
from modelwright.tables.reading import Reading
from modelwright.tables.sources.query_functions import FUNCTIONS, OPERATORS

RIDES = "id,requested_at,city,km\n1,2026-01-01 10:00:00,a,3\n2,2026-01-01 11:30:00,a,4.5\n3,2026-01-01 12:30:00,b,5\n"
WEATHER = "observed_at,city,temp_c\n2026-01-01T09:00:00Z,a,1\n2026-01-01T11:00:00Z,a,2\n2026-01-01T13:00:00Z,b,9\n"
SOURCES = {"rides": {"kind": "csv", "path": "rides.csv"}, "weather": {"kind": "csv", "path": "weather.csv"}}
COLUMNS = {"rides": {"requested_at": {"timezone": "UTC"}}}
AS_OF = (
    "SELECT rides.id, weather.temp_c FROM rides ASOF LEFT JOIN weather "
    "ON rides.city = weather.city AND rides.requested_at >= weather.observed_at"
)

Read = Callable[..., tuple[Reading, list[dict[str, Any]], list[tuple[Any, ...]]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    (tmp_path / "rides.csv").write_text(RIDES)
    (tmp_path / "weather.csv").write_text(WEATHER)

    def run(query: str, threads: int = 2, **keys: Any) -> Any:
        reader = Query.model_validate({"sources": SOURCES, "columns": COLUMNS, "query": query, **keys})
        inputs = reader.inputs(tmp_path)
        with open_engine(tmp_path / "engine", memory=300_000_000, threads=threads, readable=inputs) as engine:
            reading = reader.read(engine, tmp_path)
            rows = engine.arrow('SELECT * EXCLUDE ("__file__") FROM raw ORDER BY rowid').to_pylist()
            return reading, rows, engine.rows('SELECT file, line, "column", value FROM rejects ORDER BY rowid')

    return run


def test_what_was_known_at_the_time_is_joined_and_nothing_later(read):
    _, rows, _ = read(AS_OF)
    assert rows == [{"id": 1, "temp_c": 1}, {"id": 2, "temp_c": 2}, {"id": 3, "temp_c": None}]


def test_times_of_all_zones_meet_as_moments(read):
    _, rows, _ = read(AS_OF, columns={"rides": {"requested_at": {"timezone": "Etc/GMT-2"}}})
    assert [row["temp_c"] for row in rows] == [None, 1, None], "10:00 there was 8:00 in UTC"


def test_rows_that_a_source_can_t_read_are_kept_with_their_places(read, tmp_path):
    lines = "".join(f"{number},2026-01-02 00:00:00,a,1\n" for number in range(4, 300))
    (tmp_path / "rides.csv").write_text(RIDES.replace("4.5", "far") + lines)
    (tmp_path / "weather.csv").write_text(WEATHER + "2026-01-01T09:00:00Z,a,1,too many\n" + WEATHER[24:] * 60)
    reading, rows, rejects = read("SELECT city, count(*) AS n FROM rides GROUP BY city", max_reject_share=0.02)
    assert rejects == [("rides.csv", 3, "km", "far"), ("weather.csv", 5, None, None)] or len(rejects) == 2
    assert [(file, line) for file, line, *_ in rejects] == [("rides.csv", 3), ("weather.csv", 5)]
    assert rows == [{"city": "a", "n": 297}, {"city": "b", "n": 1}]
    assert (reading.rows, reading.rejected) == (2, 2) and reading.files == ("query", "rides.csv", "weather.csv")
    assert reading.total > 400, "two refused of hundreds are few, however few rows the query gives"


def test_too_many_unreadable_rows_of_one_source_are_an_error_that_names_it(read, tmp_path):
    (tmp_path / "rides.csv").write_text(RIDES.replace("4.5", "far"))
    with pytest.raises(DataError, match=r"sources\.rides: "):
        read("SELECT * FROM rides", columns={"rides": {**COLUMNS["rides"], "km": {"type": "number"}}})


def test_missing_file_of_a_source_is_said_before_anything_is_read(tmp_path):
    with pytest.raises(DataError, match=r"rides\.csv: no such file"):
        Query(sources=SOURCES, query="SELECT * FROM rides").inputs(tmp_path)


def test_rows_are_sorted_unless_the_query_orders_them(read):
    assert [row["id"] for row in read("SELECT id FROM rides ORDER BY km DESC")[1]] == [3, 2, 1]
    assert [row["km"] for row in read("SELECT -km AS km FROM rides")[1]] == [-5.0, -4.5, -3.0]


def test_the_same_rows_on_any_number_of_threads(read, tmp_path):
    """Sums of floats, ties of ORDER BY, first() and DISTINCT ON all depend on who comes first."""
    table = pa.table({"k": [n % 50 for n in range(300_000)], "x": [(n * 7919 % 1000) / 7 for n in range(300_000)]})
    pq.write_table(table, tmp_path / "many.parquet", row_group_size=10_000)
    query = (
        "SELECT k, sum(x) AS total, stddev(x) AS spread, first(x) AS one, string_agg(x::VARCHAR, ',') AS text,"
        " (SELECT arg_max(m.x, m.k) FROM many m) AS tie FROM many GROUP BY k ORDER BY k % 3"
    )
    found = [
        read(query, threads, sources={"many": {"kind": "parquet", "path": "many.parquet"}}, columns={})[1]
        for threads in (1, 2, 3)
    ]
    assert found[0] == found[1] == found[2] and len(found[0]) == 50


REFUSED = {
    "a file": ("SELECT * FROM 'rides.csv'", 'line 1, column 15: there is no source "rides.csv"'),
    "a file in a subquery": ("SELECT (SELECT count(*) FROM 'w.parquet') AS n", "there is no source"),
    "a file behind a later name": (
        'WITH a AS (SELECT * FROM "x.csv"), "x.csv" AS (SELECT 1) SELECT * FROM a',
        'there is no source "x.csv"',
    ),
    "a file by a name of its own": ('WITH "x.csv" AS (SELECT 1 AS a) SELECT * FROM "x.csv"', "letters, digits"),
    "a variable": ("SELECT * FROM reader", 'there is no source "reader"'),
    "read_csv": ("SELECT *\nFROM read_csv('rides.csv')", "line 2, column 6: read_csv() is refused"),
    "read_text": ("SELECT * FROM read_text('/etc/passwd')", "read_text() is refused"),
    "glob": ("SELECT * FROM glob('*')", "glob() is refused"),
    "query()": ("SELECT * FROM query('SELECT 1')", "query() is refused"),
    "a macro": ("SELECT * FROM histogram(rides, id)", "is refused"),
    "the catalogue": ("SELECT * FROM information_schema.tables", "there is no source"),
    "settings": ("SELECT * FROM duckdb_settings()", "is refused"),
    "a setting": ("SELECT current_setting('threads') AS a", "the function current_setting is refused"),
    "getenv": ("SELECT getenv('HOME') AS a", "the function getenv is refused"),
    "SQL in a text": ("SELECT * FROM json_execute_serialized_sql('…')", "is refused"),
    "random": ("SELECT random() AS a FROM rides", "line 1, column 8: the function random is refused"),
    "now": ("SELECT now() AS a", "the function now is refused"),
    "a clock without brackets": ("SELECT current_timestamp AS a", "current_timestamp is refused"),
    "a clock in a condition": ("SELECT id FROM rides WHERE requested_at < CURRENT_DATE", "CURRENT_DATE is refused"),
    "a sequence": ("SELECT nextval('s') AS a", "nextval is refused"),
    "an ordinary function in disguise": ("SELECT main.uuid() AS a", "uuid is refused"),
    "a function in a window": ("SELECT sum(random()) OVER () AS a FROM rides", "random is refused"),
    "a sample": ("SELECT * FROM rides USING SAMPLE 10%", "a sample is refused"),
    "a sampled table": ("SELECT * FROM rides TABLESAMPLE 3", "a sample is refused"),
    "a parameter": ("SELECT $1 AS a", "parameter is refused"),
    "two statements": ("SELECT 1; DROP TABLE rides", "should be one SELECT"),
    "two selects": ("SELECT 1; SELECT 2", "2 statements"),
    "nothing": ("-- nothing", "empty"),
    "DELETE": ("DELETE FROM rides", "should be one SELECT"),
    "COPY": ("COPY rides TO 'evil.csv'", "should be one SELECT"),
    "COPY of a query": ("COPY (SELECT 1) TO 'evil.csv'", "should be one SELECT"),
    "ATTACH": ("ATTACH 'evil.db'", "should be one SELECT"),
    "INSTALL": ("INSTALL httpfs", "should be one SELECT"),
    "SET": ("SET threads = 1", "should be one SELECT"),
    "PRAGMA": ("PRAGMA database_list", "should be one SELECT"),
    "EXPORT": ("EXPORT DATABASE 'evil'", "should be one SELECT"),
    "DESCRIBE": ("DESCRIBE rides", "is refused"),
    "bad syntax": ("SELECT *\nFORM rides", "line 2, column 6: syntax error"),
    "a source that is misspelt": ("SELECT * FROM ride", 'did you mean "rides"?'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_query_reaches_nothing_but_its_sources(read, tmp_path, name):
    query, said = REFUSED[name]
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(SpecError) as caught:
        Query.model_validate({"sources": SOURCES, "query": query}).header(tmp_path)
    assert said in str(caught.value) and str(caught.value).startswith("query: ")
    with pytest.raises(SpecError):
        read(query)
    assert sorted(path.name for path in tmp_path.iterdir()) in (before, ["engine", *before])


def test_the_engine_refuses_other_files_by_itself_too(read, tmp_path, monkeypatch):
    """Were the check before deceived, the engine still could not read or write what the spec does not name."""
    (tmp_path / "other.csv").write_text("a\n1\n")
    monkeypatch.setattr("modelwright.tables.sources.query_rows.check_query", lambda *_: False)
    for query in (f"SELECT * FROM read_csv('{tmp_path}/other.csv')", f"SELECT * FROM '{tmp_path}/other.csv'"):
        with pytest.raises(ModelwrightError):
            read(query)


@pytest.mark.parametrize(
    "query",
    [
        "FROM rides",
        "SELECT x.upper() AS u FROM (SELECT city AS x FROM rides)",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT i FROM n",
        "WITH a AS (FROM rides), b AS (FROM a WHERE km > 3) SELECT * FROM b UNION ALL BY NAME SELECT * FROM a",
        "SELECT COLUMNS('i.*') FROM rides",
        "SELECT city, sum(km) FILTER (WHERE km > 3) AS s, grouping(city) AS g FROM rides GROUP BY ROLLUP (city)",
        "SELECT id, lag(km) OVER (PARTITION BY city ORDER BY requested_at) AS before FROM rides",
        "SELECT id, CASE WHEN km > 4 THEN 'far' ELSE 'near' END AS how, km::INTEGER AS k, km BETWEEN 1 AND 4 AS b,"
        " date_trunc('hour', requested_at) AS h, requested_at - INTERVAL 1 DAY AS d, city IN ('a', 'c') AS i,"
        " extract('hour' FROM requested_at) AS e, city LIKE 'a%' AS l, list_transform([km], lambda v: v + 1)[1] AS t,"
        " coalesce(nullif(city, 'a'), 'z') AS c, EXISTS (FROM weather w WHERE w.city = rides.city) AS x FROM rides"
        " QUALIFY row_number() OVER (PARTITION BY city ORDER BY id) = 1",
        "SELECT r.id, h.n FROM rides r, LATERAL (SELECT count(*) AS n FROM weather w WHERE w.city = r.city) h",
        "SELECT id, unnest([1, 2]) AS u FROM rides",
        "SELECT a FROM range(3) t(a)",
        "SELECT 'ä' AS a, * EXCLUDE (km) REPLACE (upper(city) AS city) FROM rides LIMIT 2; -- done",
    ],
)
def test_what_sql_is_for_is_allowed(read, query):
    assert read(query)[1]


def test_a_source_may_be_called_as_it_likes(read):
    for name in ("raw", "rows", "rejects", "files", "given", "refusals"):
        sources = {name: SOURCES["rides"], "other": SOURCES["weather"]}
        columns = {name: COLUMNS["rides"]}
        assert len(read(f"SELECT id FROM {name}", sources=sources, columns=columns)[1]) == 3


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("SELECT id,\n  nope FROM rides", SpecError, 'query: line 2: Referenced column "nope" not found'),
        ("SELECT city + 1 AS a FROM rides", ModelwrightError, "query"),
        ("SELECT city::INTEGER AS a FROM rides", DataError, "the query fails: Could not convert string"),
        ("SELECT * FROM rides WHERE km > 100", DataError, "the query gives no rows"),
        ("SELECT * FROM rides JOIN weather USING (city) JOIN rides r USING (city)", DataError, "two columns"),
        ("SELECT requested_at - requested_at AS d FROM rides", DataError, "date_diff"),
        ("SELECT [1, 2] AS a", DataError, 'column "a" of the query holds INTEGER[] values'),
        ("SELECT id AS __row__ FROM rides", DataError, "__row__"),
    ],
)
def test_what_a_query_can_t_give_is_said(read, query, error, said):
    with pytest.raises(error) as caught:
        read(query)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"sources": {}}, "at least 1 item"),
        ({"sources": {"Rides": SOURCES["rides"]}}, "small letters"),
        ({"columns": {"ride": {}}}, 'columns: there is no source "ride"; did you mean "rides"?'),
        ({"columns": {"rides": {"at": {"timezone": "Europe/Kiew"}}}}, 'did you mean "Europe/Kiev"?'),
        (
            {"sources": {"q": {"kind": "query", "sources": SOURCES, "query": "FROM rides"}}},
            "see its errors|can't stand",
        ),
    ],
)
def test_what_the_spec_may_not_say(keys, said):
    with pytest.raises(ValidationError, match=said):
        Query.model_validate({"sources": SOURCES, "query": "FROM rides", **keys})


def test_ignored_columns_are_hidden(read):
    columns = {"rides": {**COLUMNS["rides"], "km": {"role": "ignore"}}}
    assert set(read("FROM rides", columns=columns)[1][0]) == {"id", "requested_at", "city"}


def test_a_query_stands_for_all_that_its_sources_do(tmp_path, monkeypatch):
    monkeypatch.setenv("URL", "postgresql://h/d")
    (tmp_path / "rides.csv").write_text(RIDES)
    sqlite3.connect(tmp_path / "w.db").executescript("CREATE TABLE w (a); INSERT INTO w VALUES (1)").close()
    database = {"kind": "postgresql", "url": "${env:URL}", "query": "SELECT 1 AS a"}
    sources = {"rides": SOURCES["rides"], "w": {"kind": "sqlite", "path": "w.db", "table": "w"}}
    reader = Query.model_validate({"sources": sources, "query": "FROM rides"})
    assert [path.name for path in reader.inputs(tmp_path)] == ["rides.csv", "w.db"]
    assert reader.fingerprint(tmp_path) == {} and reader.header(tmp_path) is None
    for version, found in ((None, None), ("3", {"d.version": "3"})):
        with_database = {**sources, "d": {**database, **({"version": version} if version else {})}}
        reader = Query.model_validate({"sources": with_database, "query": "FROM rides"})
        assert reader.fingerprint(tmp_path) == found
        assert "postgresql://h/d" not in reader.model_dump_json()


def test_allowed_functions_exist_and_are_what_the_engine_calls_consistent():
    """A name that a new engine makes volatile, or a slip of the pen, is noticed here."""
    words = {"coalesce", "grouping", "grouping_id", "ifnull", "unnest"}  # of the grammar, not the catalogue
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT lower(function_name), list(DISTINCT stability) FROM duckdb_functions()"
            " WHERE function_type IN ('scalar', 'aggregate', 'window', 'macro') GROUP BY 1"
        ).fetchall()
    known = dict(found)
    assert FUNCTIONS - set(OPERATORS.split()) - words <= set(known)
    assert {name for name in FUNCTIONS & set(known) if set(known[name]) - {"CONSISTENT", None}} == set()
