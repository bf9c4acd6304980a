"""From databases to a model: what comes out is right, repeatable, and tells nobody a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from databases import Postgres, postgresql
from stories.terminal import Terminal

CANARY = "geheim-3f9a"
MODEL = """\
  features: auto
train: {model: {kind: lightgbm, iterations: 20}}
"""
TRIPS = f"""\
name: small
task: {{kind: regression, target: minutes}}
prepare:
  source:
    kind: postgresql
    url: ${{env:FLEET_URL}}
    query: |
      SELECT id, km, vehicle, requested_at, minutes
      FROM rides WHERE km > 0
  columns:
    id: {{role: id}}
    requested_at: {{role: time}}
{MODEL}"""
JOINED = f"""\
name: small
task: {{kind: regression, target: minutes}}
prepare:
  source:
    kind: query
    sources:
      rides: {{kind: postgresql, url: "${{env:FLEET_URL}}", query: SELECT * FROM rides, version: "1"}}
      weather: {{kind: csv, path: weather.csv}}
      depots: {{kind: sqlite, path: depots.db, table: depots}}
    query: |
      SELECT rides.*, weather.temp_c, weather.observed_at AS weather_at, depots.city
      FROM rides
      ASOF LEFT JOIN weather ON rides.requested_at >= weather.observed_at
      LEFT JOIN depots ON depots.vehicle = rides.vehicle
  columns:
    id: {{role: id}}
    requested_at: {{role: time}}
    weather_at: {{role: ignore}}
{MODEL}"""


@pytest.fixture(scope="module")
def fleet() -> Iterator[Postgres]:
    with postgresql() as server:
        server.run(
            "CREATE TABLE rides AS SELECT g AS id, (g * 37 % 200)::float8 / 10 AS km,"
            " CASE g % 3 WHEN 0 THEN 'van' WHEN 1 THEN 'car' ELSE 'bus' END AS vehicle,"
            " timestamptz '2026-01-01 00:00+00' + g * interval '10 minutes' AS requested_at,"
            " 3 * (g * 37 % 200)::float8 / 10 + g % 7 AS minutes FROM generate_series(1, 600) g;\n"
            f"CREATE USER reader PASSWORD '{CANARY}';\n"
            "GRANT SELECT ON rides TO reader"
        )
        yield server


@pytest.fixture
def place(terminal: Terminal, fleet: Postgres, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("FLEET_URL", fleet.with_user("reader", CANARY))
    terminal.write("small.yaml", TRIPS)
    terminal.write("joined.yaml", JOINED)
    hours = [f"2026-01-0{1 + hour // 24}T{hour % 24:02d}:05:00Z,{hour}" for hour in range(110)]
    terminal.write("weather.csv", "observed_at,temp_c\n" + "\n".join(hours) + "\n")
    made = sqlite3.connect("depots.db")
    made.executescript(
        "CREATE TABLE depots (vehicle, city); INSERT INTO depots VALUES ('van', 'Kyiv'), ('bus', 'Lviv')"
    )
    made.close()
    return terminal


def nowhere(folder: Path, word: str) -> bool:
    """Whether no file of the folder holds the word."""
    return not any(word.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_database_becomes_a_model_and_its_password_stays_where_it_was(place):
    said = [place.done(command, "small.yaml") for command in ("check", "prepare", "train", "evaluate")]
    rows = place.json("runs/small/prepare/v0001/rows.json")["rows"]
    assert rows["read"] == 597 and rows["rejected"] == 0
    assert nowhere(place.folder / "runs", CANARY) and all(CANARY not in one.out + one.err for one in said)
    assert "${env:FLEET_URL}" in (place.folder / "runs/small/prepare/v0001/spec.yaml").read_text()


def test_the_same_rows_make_the_same_files(place, fleet):
    place.done("prepare", "small.yaml")
    fleet.run("CREATE TABLE other AS SELECT * FROM rides ORDER BY random();\nDROP TABLE rides")
    fleet.run("ALTER TABLE other RENAME TO rides;\nGRANT SELECT ON rides TO reader")
    place.done("prepare", "small.yaml", "--force")
    first, second = (place.folder / f"runs/small/prepare/v000{number}" for number in (1, 2))
    for name in ("learn.parquet", "validation.parquet", "test.parquet", "features.onnx"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_rides_meet_the_weather_of_their_time_and_never_of_later(place):
    place.done("check", "joined.yaml")
    place.done("prepare", "joined.yaml")
    run = place.folder / "runs/small/prepare/v0001"
    rows = [
        row for name in ("learn", "validation", "test") for row in pq.read_table(run / f"{name}.parquet").to_pylist()
    ]
    assert len(rows) == 600 and {row["city"] for row in rows} == {"Kyiv", "Lviv", None}
    for row in rows:
        late = (row["requested_at"] - row["requested_at"].replace(minute=0)).seconds < 300
        hours = (row["requested_at"].day - 1) * 24 + row["requested_at"].hour - late
        assert row["temp_c"] == (hours if hours >= 0 else None), row
    place.done("train", "joined.yaml")


def test_a_declared_version_and_unchanged_files_are_not_read_again(place):
    place.done("prepare", "joined.yaml")
    assert place.done("prepare", "joined.yaml").out.strip().endswith("v0001")
    with (place.folder / "weather.csv").open("a") as file:
        file.write("2026-01-06T00:05:00Z,3\n")
    assert place.done("prepare", "joined.yaml").out.strip().endswith("v0002")


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("SELECT * FROM nope", 3, 'relation "nope" does not exist'),
        ("DELETE FROM rides", 2, "should be one SELECT"),
        ("SELECT 1; DROP TABLE rides", 2, "a second statement"),
        ("SELECT * FROM rides WHERE false", 3, "the query gives no rows"),
        ("SELECT pg_read_file('/etc/passwd') AS minutes", 2, "the function pg_read_file is refused"),
    ],
)
def test_what_is_wrong_with_a_query_is_said_and_nothing_is_written(place, fleet, query, code, said):
    place.write(
        "small.yaml",
        TRIPS.replace("SELECT id, km, vehicle, requested_at, minutes\n      FROM rides WHERE km > 0", query),
    )
    message = place.refused(code, "prepare", "small.yaml")
    assert said in message and (code == 3 or "small.yaml:7:" in message)
    assert fleet.run("SELECT count(*) FROM rides") == [(600,)]


def test_a_query_over_sources_that_reaches_further_is_refused_by_check(place):
    place.write("joined.yaml", JOINED.replace("ASOF LEFT JOIN weather", "LEFT JOIN read_csv('weather.csv') AS weather"))
    message = place.refused(2, "check", "joined.yaml")
    assert "prepare.source: query: line 3, column 11: read_csv() is refused" in message


def test_wrong_password_and_no_server_are_told_without_the_secret(place, fleet, monkeypatch):
    monkeypatch.setenv("FLEET_URL", f"postgresql://reader:{CANARY}@127.0.0.1:1/postgres")
    assert CANARY not in place.refused(3, "prepare", "small.yaml")
    monkeypatch.delenv("FLEET_URL")
    assert "the environment variable FLEET_URL is not set" in place.refused(2, "prepare", "small.yaml")
