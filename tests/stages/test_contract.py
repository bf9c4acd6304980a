"""The delivered schema: written with every run, pinned on request, and compared with what is read from then on."""

import json
import sqlite3

import duckdb
import jsonschema
import pyarrow.parquet as pq
import pytest
import yaml

from modelwright.cli import app
from modelwright.core.errors import ArtifactError, DataError, SpecError
from modelwright.core.progress import Silent
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import contract, prepare
from modelwright.stages.job import Job

HEADER = ["id", "weather", "km", "stops", "at", "note", "late", "minutes"]
PINNED = {"file": "trips.contract.json"}


def trip(number):
    weather = ("dry", "rain", 'it\'s "wet"')[number % 3]
    note = "" if number % 4 else f"note {number}"
    late = "yes" if number % 2 else "no"
    km = 0.5 + number % 20
    return [
        f"T{number}",
        weather,
        km,
        number % 5,
        f"2026-01-{1 + number % 28:02d}T08:00:00Z",
        note,
        late,
        3 * km + number % 7,
    ]


def write(folder, rows, header=HEADER, name="trips.csv"):
    lines = [",".join(header), *(",".join('"' + str(value).replace('"', '""') + '"' for value in row) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n")


def job(folder, section=None, **prepare_section):
    spec = {
        "name": "trips",
        "task": {"kind": "regression", "target": "minutes"},
        "prepare": {
            "source": {"kind": "csv", "path": "trips.csv"},
            "columns": {"id": {"role": "id"}, "at": {"role": "time"}},
            "split": {"kind": "random", "validation": 0.2, "test": 0.2},
            **({"contract": section} if section else {}),
            **prepare_section,
        },
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    loaded = load(folder / "spec.yaml")
    return Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_file=folder / "spec.yaml", spec_text=loaded.text)


def run(folder, section=None, **prepare_section):
    return prepare.run(prepare.plan(job(folder, section, **prepare_section)), Silent())


@pytest.fixture
def pinned(tmp_path):
    """A pinned contract of 100 trips; returns how to prepare other rows against it."""
    write(tmp_path, [trip(number) for number in range(100)])
    contract.pin(job(tmp_path, PINNED), Silent(), force=False)

    def later(rows, header=HEADER, **meaning):
        write(tmp_path, rows, header)
        return run(tmp_path, {**PINNED, **meaning}).run.read_json("checks.json")["checks"]

    return later


def test_every_run_says_what_was_delivered(tmp_path):
    write(tmp_path, [trip(number) for number in range(100)])
    found = {entry["name"]: entry for entry in run(tmp_path).run.read_json("contract.json")["columns"]}
    assert list(found) == HEADER
    assert found["weather"]["categories"] == ["dry", 'it\'s "wet"', "rain"] and not found["weather"]["nullable"]
    assert found["km"] | {"name": ""} == {
        **{"name": "", "type": "number", "role": "input", "nullable": False},
        **{"minimum": 0.5, "maximum": 19.5, "categories": None},
    }
    assert found["note"]["nullable"] and found["id"]["type"] == "text" and found["id"]["categories"] is None
    assert found["at"]["type"] == "timestamp" and found["at"]["minimum"] == "2026-01-01T08:00:00Z"
    assert found["minutes"]["role"] == "target"


def rows_of(folder, done):
    """The rows as they would be delivered: as JSON objects, missing values null."""
    table = pq.read_table(done.run.file("learn.parquet")).select(HEADER).to_pylist()
    return [{name: value.isoformat() if name == "at" else value for name, value in row.items()} for row in table]


def test_the_sql_makes_a_table_that_takes_the_rows_and_nothing_else(tmp_path):
    write(tmp_path, [trip(number) for number in range(100)])
    done = run(tmp_path)
    sql = done.run.read_bytes("contract.sql").decode()
    rows = [list(row.values()) for row in rows_of(tmp_path, done)]
    marks = ", ".join("?" * len(HEADER))
    wrong = {1: "hail", 0: None, 2: None, 6: "maybe"}
    for connection, refusal in (
        (sqlite3.connect(":memory:"), sqlite3.IntegrityError),
        (duckdb.connect(":memory:"), duckdb.ConstraintException),
    ):
        connection.execute(sql)
        connection.executemany(f'INSERT INTO "trips" VALUES ({marks})', rows)
        assert connection.execute('SELECT count(*) FROM "trips"').fetchall()[0][0] == len(rows) > 50
        for place, value in wrong.items():
            row = [*rows[0][:place], value, *rows[0][place + 1 :]]
            with pytest.raises(refusal):
                connection.execute(f'INSERT INTO "trips" VALUES ({marks})', row)


def test_the_json_schema_takes_the_rows_and_nothing_else(tmp_path):
    write(tmp_path, [trip(number) for number in range(100)])
    done = run(tmp_path)
    schema = done.run.read_json("contract.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    rows = rows_of(tmp_path, done)
    for row in rows:
        validator.validate(row)
        validator.validate({name: value for name, value in row.items() if value is not None})
    for wrong in ({"weather": "hail"}, {"km": "far"}, {"km": None}, {"stops": 1.5}, {"id": ""}, {"other": 1}):
        assert not validator.is_valid({**rows[0], **wrong}), wrong


def test_hostile_names_and_values_stay_names_and_values(tmp_path):
    evil = "x'); DROP TABLE t; --"
    header = ["id", 'a"b', "-- c", "km", "minutes"]
    write(tmp_path, [[f"T{row}", evil if row % 2 else "ok", row % 3, row, row] for row in range(60)], header)
    columns = {"columns": {"id": {"role": "id"}}}
    sql = run(tmp_path, **columns).run.read_bytes("contract.sql").decode()
    connection = sqlite3.connect(":memory:")
    connection.executescript("CREATE TABLE t (x);" + sql)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert [row[1] for row in connection.execute('PRAGMA table_info("trips")')] == header


def test_data_as_pinned_passes(pinned):
    (found,) = pinned([trip(number) for number in range(40, 160)])
    assert found["kind"] == "contract" and found["passed"] and found["said"] == "as pinned in trips.contract.json"


def test_all_differences_are_told_at_once(pinned):
    header = ["id", "weather", "km", "stops", "at", "extra", "late", "minutes"]
    rows = [
        [f"T{row}", "hail" if row < 3 else "dry", "7 km" if row % 2 else "far", row % 5, trip(row)[4], "x", "yes", row]
        for row in range(90)
    ]
    with pytest.raises(DataError) as caught:
        pinned(rows, header)
    told = [problem.message for problem in caught.value.problems]
    assert len(told) == 4
    for said in (
        'column "note" is gone',
        'column "weather" has 1 new value: "hail" (3 rows)',
        'column "km" was of type number, and is of type text',
        'column "extra" is new',
    ):
        assert any(said in message for message in told), said


@pytest.mark.parametrize(
    ("change", "kind", "violations", "said"),
    [
        (
            lambda row, number: [row[0], "hail" if number < 7 else row[1], *row[2:]],
            "new_category",
            7,
            '"hail" (7 rows)',
        ),
        (lambda row, number: [*row[:2], "" if number < 5 else row[2], *row[3:]], "new_missing", 5, "missing in 5 rows"),
        (lambda row, number: [*row[:3], row[3] + 0.5, *row[4:]], "type_change", 100, "was of type integer"),
    ],
)
def test_what_a_difference_means_is_for_the_spec_to_say(pinned, change, kind, violations, said):
    rows = [change(trip(number), number) for number in range(100)]
    with pytest.raises(DataError, match=kind):
        pinned(rows, **{kind: "error"})
    (found,) = pinned(rows, **{kind: "warn"})
    assert found["violations"] == violations and said in found["said"] and not found["passed"]
    (found,) = pinned(rows, **{kind: "ignore"})
    assert found["passed"]


def test_columns_are_lost_and_found(pinned):
    rows = [[*trip(number)[:5], number, *trip(number)[6:]] for number in range(100)]
    with pytest.raises(DataError, match='column "note" is gone'):
        pinned(rows, [*HEADER[:5], "comment", *HEADER[6:]])
    found = pinned(rows, [*HEADER[:5], "comment", *HEADER[6:]], lost_column="warn")
    assert {outcome["said"] for outcome in found} == {
        'column "note" is gone',
        'column "comment" is new, of type integer',
    }


def test_whole_numbers_pass_as_numbers_and_missing_ones_as_any_type(pinned):
    rows = [[*trip(number)[:2], number % 20, *trip(number)[3:5], "", *trip(number)[6:]] for number in range(100)]
    assert [outcome["passed"] for outcome in pinned(rows)] == [True]


def test_warnings_reach_the_summary(pinned, tmp_path):
    write(tmp_path, [[*trip(number)[:1], "hail", *trip(number)[2:]] for number in range(100)])
    warnings = run(tmp_path, PINNED).summary["warnings"]
    assert any(warning.startswith("check contract: ") and "hail" in warning for warning in warnings)


def test_what_is_pinned_is_part_of_what_a_run_depends_on(pinned, tmp_path):
    pinned([trip(number) for number in range(100)])
    assert prepare.plan(job(tmp_path, PINNED)).cached is not None
    path = tmp_path / PINNED["file"]
    changed = json.loads(path.read_text())
    changed["columns"][1]["categories"].append("snow")
    path.write_text(json.dumps(changed))
    assert prepare.plan(job(tmp_path, PINNED)).cached is None


def test_pinning_does_not_overwrite_unless_forced(pinned, tmp_path):
    path, wanted = tmp_path / PINNED["file"], job(tmp_path, PINNED)
    before = path.read_bytes()
    contract.pin(wanted, Silent(), force=False)
    write(tmp_path, [trip(number) for number in range(30)])
    with pytest.raises(SpecError, match="pinned already"):
        contract.pin(wanted, Silent(), force=False)
    assert path.read_bytes() == before
    contract.pin(wanted, Silent(), force=True)
    assert path.read_bytes() != before
    assert not [entry for entry in (tmp_path / "runs").iterdir() if entry.name.startswith(".pin-")]


def test_a_contract_that_is_not_there_or_none_is_told_with_the_command(tmp_path):
    write(tmp_path, [trip(number) for number in range(100)])
    with pytest.raises(ArtifactError, match=r"prepare .*spec\.yaml --pin writes it"):
        prepare.plan(job(tmp_path, PINNED))
    with pytest.raises(SpecError, match="names no contract"):
        contract.pin(job(tmp_path), Silent(), force=False)
    for text in ("{}", "[1]", "not json", '{"contract": 2, "columns": []}', '{"contract": 1, "columns": [{"a": 1}]}'):
        (tmp_path / PINNED["file"]).write_text(text)
        with pytest.raises(ArtifactError, match="pin it again"):
            run(tmp_path, PINNED)


def test_pin_on_the_command_line(tmp_path, monkeypatch, capfd):
    write(tmp_path, [trip(number) for number in range(100)])
    job(tmp_path, PINNED)
    monkeypatch.chdir(tmp_path)
    assert app.run(["prepare", "spec.yaml"]) == 4
    assert "--pin" in capfd.readouterr().err
    assert app.run(["prepare", "spec.yaml", "--pin"]) == 0
    said = capfd.readouterr()
    assert "pinned 8 columns in trips.contract.json" in said.err and said.out == "runs/trips/prepare/v0001\n"
    assert app.run(["prepare", "spec.yaml"]) == 0
    assert "nothing has changed" in capfd.readouterr().err
    write(tmp_path, [trip(number)[:-3] + trip(number)[-2:] for number in range(100)], [*HEADER[:5], *HEADER[6:]])
    assert app.run(["prepare", "spec.yaml"]) == 3
    assert 'column "note" is gone' in capfd.readouterr().err
    assert app.run(["prepare", "spec.yaml", "--pin"]) == 2
    assert app.run(["prepare", "spec.yaml", "--pin", "--dry-run"]) == 2
    assert app.run(["prepare", "spec.yaml", "--pin", "--force"]) == 0
