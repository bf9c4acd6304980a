"""A password that the environment holds is seen by the database alone: in no file, no word and no error."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from databases import Postgres, postgresql
from stories.terminal import Said, Terminal

CANARY = "k4n4rie-vogel"
TABLE = (
    "CREATE TABLE rides AS SELECT 'R' || g AS id, (g * 37 % 200)::float8 / 10 AS km, g % 7 AS driver,"
    " timestamptz '2026-01-01 00:00+00' + g * interval '10 minutes' AS at,"
    " 3 * (g * 37 % 200)::float8 / 10 + g % 7 AS minutes FROM generate_series(1, 300) g"
)
SPEC = """\
name: small
task: {kind: regression, target: minutes}
prepare:
  source:
    kind: query
    sources:
      rides: {kind: postgresql, url: "${env:FLEET_URL}", query: SELECT * FROM rides, version: "1"}
      cities: {kind: csv, path: cities.csv, filesystem: {access_key: "${env:KEY}", secret_key: "${env:SECRET}"}}
    query: SELECT rides.*, city FROM rides LEFT JOIN cities USING (driver)
  columns:
    id: {role: id}
    at: {role: time}
  checks:
    - kind: foreign_key
      columns: [driver]
      references:
        source: {kind: postgresql, url: "${env:FLEET_URL}", query: SELECT driver FROM rides}
        columns: [driver]
train: {model: {kind: lightgbm, iterations: 10}}
evaluate: {resamples: 100}
serve: {token: "${env:SECRET}"}
monitor:
  labels: {kind: postgresql, url: "${env:FLEET_URL}", query: "SELECT id, minutes, at FROM rides", key: id, time: at}
"""


@pytest.fixture(scope="module")
def fleet() -> Iterator[Postgres]:
    with postgresql() as server:
        server.run(f"{TABLE};\nCREATE USER reader PASSWORD '{CANARY}';\nGRANT SELECT ON rides TO reader")
        yield server


@pytest.fixture
def place(terminal: Terminal, fleet: Postgres, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("FLEET_URL", fleet.with_user("reader", CANARY))
    monkeypatch.setenv("KEY", f"key-{CANARY}")
    monkeypatch.setenv("SECRET", f"secret-{CANARY}")
    terminal.write("small.yaml", SPEC)
    terminal.write("cities.csv", "driver,city\n" + "".join(f"{n},C{n % 3}\n" for n in range(7)))
    terminal.write(
        "new.csv", "id,km,driver,at,city\nR1,2.5,3,2026-02-01T00:00:00Z,C0\nR2,3,3,2026-02-01T00:00:00Z,C2\n"
    )
    return terminal


def silent(place: Terminal, *said: Said) -> None:
    """Neither in what was said nor in any file below the current folder, however it may be written."""
    for one in said:
        assert CANARY not in one.out + one.err
    for path in place.folder.rglob("*"):
        if path.is_file():
            assert not re.search(rf"{CANARY}|k4n4rie%2Dvogel".encode(), path.read_bytes()), path


COMMANDS = [
    ["check", "small.yaml"],
    ["plan", "small.yaml"],
    ["plan", "small.yaml", "--json"],
    ["prepare", "small.yaml", "--dry-run", "--json"],
    ["run", "small.yaml", "--json"],
    ["prepare", "small.yaml", "--pin", "--set", "prepare.contract.file=rides.contract.json"],
    ["prepare", "small.yaml", "--set", "seed=1"],
    ["tune", "small.yaml", "--set", "tune.trials=1", "--set", "tune.model=decision_tree"],
    ["runs", "list"],
    ["runs", "show", "prepare/v0001", "--json"],
    ["runs", "diff", "prepare/v0001", "prepare/v0002"],
    ["predict", "runs/small/export/v0001", "new.csv"],
    ["serve", "small.yaml", "--dry-run", "--json"],
    ["monitor", "small.yaml", "--data", "new.csv"],
    ["doctor"],
]


def test_no_command_says_or_writes_it(place: Terminal) -> None:
    said = {" ".join(command): place.type(*command) for command in COMMANDS}
    assert [command for command, one in said.items() if one.code not in (0, 11)] == []
    silent(place, *said.values())
    written = (place.folder / "runs/small/prepare/v0001/spec.yaml").read_text()
    assert "${env:FLEET_URL}" in written and "${env:SECRET}" in written


CITIES = "prepare.source.sources.cities"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (("prepare.source.sources.rides.url=postgresql://reader:CANARY@localhost/x",), 2),
        (("serve.token=CANARY",), 2),
        (("prepare.source.sources.rides.query=SELECT * FROM nowhere",), 3),
        ((f"{CITIES}.path=s3://bucket/x.csv", f"{CITIES}.filesystem.endpoint=http://127.0.0.1:9"), 5),
        (("prepare.checks.0.references.columns=[nothing]",), 3),
        (("prepare.columns.km.role=entity", "prepare.columns.at={type: number}"), 3),
    ],
)  # fmt: skip
def test_no_error_says_it(place: Terminal, changes: tuple[str, ...], code: int) -> None:
    given = [part for change in changes for part in ("--set", change.replace("CANARY", CANARY))]
    said = [place.type("prepare", "small.yaml", *given, *more) for more in ((), ("--json",))]
    assert [one.code for one in said] == [code, code]
    silent(place, *said)


@pytest.mark.parametrize(
    "url", ["postgresql://reader:{}@127.0.0.1:1/x", "host=/nowhere password={}", "{}", "mysql://{}@h/x"]
)
def test_no_connection_that_fails_says_it(place: Terminal, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FLEET_URL", url.format(CANARY))
    said = [place.type(command, "small.yaml", *more) for command in ("check", "prepare") for more in ((), ("--json",))]
    assert all(one.code in (2, 3, 5) for one in said[2:]), said
    silent(place, *said)
