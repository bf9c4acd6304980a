"""In a prepare run: all failed checks at once, tolerated shares, time that runs out, and cleaners in their place."""

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
import yaml

from modelwright.cli import app
from modelwright.core.columns import Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.core.progress import Silent
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import checking, prepare
from modelwright.stages.incoming import read_rows
from modelwright.stages.job import Job

ROWS = 200


def write(folder, newest=None, rows=ROWS):
    newest = newest or datetime(2026, 1, 10)
    lines = ["id,km,driver,at,written,minutes"]
    for row in range(rows):
        at = (newest - timedelta(hours=rows - 1 - row)).isoformat()
        km = 500 if row in (50, 51, 52, 53) else row % 20
        lines.append(f"T{row:03d},{km},{row % 7},{at}Z,{row % 9} km,{2.5 * (row % 20) + row % 3}")
    (folder / "rides.csv").write_text("\n".join(lines) + "\n")


def job(folder, **section):
    spec = {
        "name": "rides",
        "task": {"kind": "regression", "target": "minutes"},
        "prepare": {
            "source": {"kind": "csv", "path": "rides.csv"},
            "columns": {"id": {"role": "id"}, "at": {"role": "time"}},
            "split": {"kind": "random", "validation": 0.2, "test": 0.2},
            **section,
        },
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    loaded = load(folder / "spec.yaml")
    return Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_file=folder / "spec.yaml", spec_text=loaded.text)


def run(folder, **section):
    write(folder) if not (folder / "rides.csv").exists() else None
    return prepare.run(prepare.plan(job(folder, **section)), Silent())


def test_all_failed_checks_are_told_at_once(tmp_path):
    checks = [
        {"kind": "between", "columns": ["km"], "max": 100},
        {"kind": "row_count", "min": 10},
        {"kind": "regex", "columns": ["id"], "pattern": "T[0-8].*"},
        {"kind": "expression", "value": "km < 19", "severity": "warn"},
        {"kind": "unique", "columns": ["driver"]},
    ]
    with pytest.raises(DataError) as caught:
        run(tmp_path, checks=checks)
    assert [problem.where for problem in caught.value.problems] == [f"prepare.checks.{number}" for number in (0, 4)]


def test_a_share_of_rows_may_break_a_check(tmp_path):
    check = {"kind": "between", "columns": ["km"], "max": 100}
    (found,) = run(tmp_path, checks=[{**check, "max_share": 0.02}]).run.read_json("checks.json")["checks"]
    assert found["passed"] and found["violations"] == 4
    assert "2.00% of rows, 2.00% allowed" in found["said"]
    with pytest.raises(DataError, match=r"1\.90% allowed"):
        run(tmp_path, checks=[{**check, "max_share": 0.019}])


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_time_breaks_freshness_also_where_nothing_else_has_changed(tmp_path, monkeypatch, severity):
    newest = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(hours=1)
    write(tmp_path, newest)
    checks = [{"kind": "freshness", "column": "at", "max_age": "2h", "severity": severity}]
    first = run(tmp_path, checks=checks)
    assert not any("freshness" in warning for warning in first.summary["warnings"])
    (found,) = first.run.read_json("checks.json")["checks"]
    assert datetime.fromisoformat(found["holds_until"]) == newest.replace(tzinfo=UTC) + timedelta(hours=2)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=2)

    monkeypatch.setattr(checking, "datetime", Later)
    cached = prepare.plan(job(tmp_path, checks=checks)).cached
    assert cached is not None
    if severity == "error":
        with pytest.raises(DataError, match="held until"):
            prepare.result(cached, cached=True)
        with pytest.raises(DataError, match="held until"):
            run(tmp_path, checks=checks)
    else:
        assert any("held until" in warning for warning in prepare.result(cached, cached=True).summary["warnings"])
        again = run(tmp_path, checks=checks)
        assert again.run.digest == first.run.digest, "the clock must not change what a run holds"


def test_the_file_of_another_source_is_part_of_what_a_run_depends_on(tmp_path):
    write(tmp_path)
    (tmp_path / "drivers.csv").write_text("id\n" + "\n".join(map(str, range(7))) + "\n")
    references = {"source": {"kind": "csv", "path": "drivers.csv"}, "columns": ["id"]}
    checks = [{"kind": "foreign_key", "columns": ["driver"], "references": references}]
    (found,) = run(tmp_path, checks=checks).run.read_json("checks.json")["checks"]
    assert found["passed"]
    assert prepare.plan(job(tmp_path, checks=checks)).cached is not None
    (tmp_path / "drivers.csv").write_text("id\n1\n2\n")
    assert prepare.plan(job(tmp_path, checks=checks)).cached is None
    with pytest.raises(DataError, match="check foreign_key fails on"):
        run(tmp_path, checks=checks)


def test_outliers_leave_learn_and_stay_in_the_other_splits(tmp_path):
    plain = run(tmp_path).run.read_json("rows.json")["rows"]
    done = run(tmp_path, clean=[{"kind": "drop_outliers", "columns": ["km"]}, {"kind": "strip"}]).run
    rows = done.read_json("rows.json")["rows"]
    removed = {entry["step"]: entry["removed"] for entry in rows["removed"]}
    assert removed["drop_outliers"] == plain["learn"] - rows["learn"] > 0
    assert (rows["validation"], rows["test"]) == (plain["validation"], plain["test"])
    assert rows["read"] == rows["rejected"] + sum(removed.values()) + sum(rows[name] for name in prepare.SPLITS)
    assert max(pq.read_table(done.file("learn.parquet"))["km"].to_pylist()) < 100
    others = [pq.read_table(done.file(f"{name}.parquet"))["km"].to_pylist() for name in ("validation", "test")]
    assert max(map(max, others)) == 500


CAST = [
    {"kind": "replace", "columns": ["written"], "pattern": " km$"},
    {"kind": "cast", "columns": ["written"], "to": "number"},
]


def test_new_rows_are_cast_as_those_of_prepare_were(tmp_path):
    done = run(tmp_path, clean=CAST).run
    schema = Schema.from_dict(done.read_json("schema.json"))
    assert schema["written"].type == "number"
    spec = job(tmp_path, clean=CAST).spec
    rows = ["id,km,driver,at,written", "N1,3,1,2026-02-01T00:00:00Z,4 km", "N2,3,1,2026-02-01T00:00:00Z,5"]
    (tmp_path / "new.csv").write_text("\n".join(rows))
    reader = spec.prepare.source.model_copy(update={"path": "new.csv"})
    found = read_rows(reader, tmp_path, schema, spec.prepare, engine_folder=tmp_path / "e", target="hidden")
    assert found.table["written"].to_pylist() == [4.0, 5.0]


def test_rows_that_can_not_be_cast_are_refused_and_counted(tmp_path):
    write(tmp_path)
    text = (tmp_path / "rides.csv").read_text().replace(",3 km,", ",three km,", 2)
    (tmp_path / "rides.csv").write_text(text)
    clean = [CAST[0], {**CAST[1], "failed": "reject"}]
    done = run(tmp_path, clean=clean).run
    rows = done.read_json("rows.json")["rows"]
    assert rows["rejected"] == 2 and {entry["step"]: entry["removed"] for entry in rows["removed"]}["cast"] == 0
    assert rows["read"] == 2 + sum(rows[name] for name in prepare.SPLITS)
    refused = pq.read_table(done.file("rejects.parquet")).to_pylist()
    assert [(row["file"], row["value"]) for row in refused] == [("rides.csv", "three")] * 2
    assert refused[0]["reason"] == "is not a number (id T003)"
    (tmp_path / "rides.csv").write_text(text.replace(",4 km,", ",four km,"))
    with pytest.raises(DataError, match=r'more than max_reject_share.*\n.*rides.csv: written: "three"'):
        run(tmp_path, clean=clean)


HOOK = "def clean(frame):\n    return frame[frame['km'] < 100]\n"


def test_a_function_of_the_user_is_run_once_and_named_in_a_warning(tmp_path):
    write(tmp_path)
    (tmp_path / "my_step.py").write_text(HOOK)
    clean = [{"kind": "python", "file": "my_step.py"}]
    done = run(tmp_path, clean=clean)
    assert any(warning.startswith("clean: python is done to this data only") for warning in done.summary["warnings"])
    rows = done.run.read_json("rows.json")["rows"]
    assert rows["removed"][0] == {"step": "python", "removed": 4}
    assert prepare.plan(job(tmp_path, clean=clean)).cached is not None
    (tmp_path / "my_step.py").write_text(HOOK.replace("100", "101"))
    assert prepare.plan(job(tmp_path, clean=clean)).cached is None
    schema = Schema.from_dict(done.run.read_json("schema.json"))
    (tmp_path / "my_step.py").write_text("raise RuntimeError('it was run')\n")
    section = job(tmp_path, clean=clean).spec.prepare
    found = read_rows(section.source, tmp_path, schema, section, engine_folder=tmp_path / "e", target="needed")
    assert found.table.num_rows == ROWS, "new rows never meet it"


def test_columns_and_rows_that_a_function_makes_are_known_from_then_on(tmp_path, monkeypatch, capfd):
    write(tmp_path)
    (tmp_path / "my_step.py").write_text(
        "import pandas as pd\n"
        "def clean(frame):\n"
        "    more = frame.head(5).assign(id=[f'N{row}' for row in range(5)])\n"
        "    return pd.concat([frame, more], ignore_index=True).assign(double=lambda frame: 2 * frame['km'])\n"
    )
    clean = [{"kind": "python", "file": "my_step.py"}, {"kind": "drop_rows", "where": "double > 900"}]
    job(tmp_path, clean=clean, checks=[{"kind": "not_null", "columns": ["double"]}])
    monkeypatch.chdir(tmp_path)
    assert app.run(["check", "spec.yaml"]) == 0
    assert app.run(["prepare", "spec.yaml"]) == 0, capfd.readouterr().err
    done = Store(tmp_path / "runs").resolve("rides", "prepare", "prepare/v0001")
    rows = done.read_json("rows.json")["rows"]
    assert [entry["removed"] for entry in rows["removed"][:2]] == [-5, 4]
    assert rows["read"] == sum(entry["removed"] for entry in rows["removed"]) + sum(
        rows[name] for name in prepare.SPLITS
    )
    assert "double" in done.read_json("rows.json")["columns"]["input"]
    assert app.run(["check", "spec.yaml", "--set", "task.target=double"]) == 3


def test_neither_check_nor_plan_runs_a_users_file(tmp_path, monkeypatch, capfd):
    write(tmp_path)
    (tmp_path / "my_step.py").write_text("raise RuntimeError('it was run')\n")
    job(tmp_path, clean=[{"kind": "python", "file": "my_step.py"}])
    monkeypatch.chdir(tmp_path)
    for command in ("check spec.yaml", "plan spec.yaml", "prepare spec.yaml --dry-run"):
        assert app.run(command.split()) == 0, capfd.readouterr().err
    assert app.run(["prepare", "spec.yaml"]) == 2
    told = capfd.readouterr().err
    assert "prepare.clean.0: my_step.py:1: could not be loaded: RuntimeError: it was run" in told
    assert "Traceback" not in told
    (tmp_path / "my_step.py").unlink()
    for command in ("check spec.yaml", "prepare spec.yaml"):
        assert app.run(command.split()) == 2, command
        assert "my_step.py: no such file" in capfd.readouterr().err


def test_what_is_wrong_with_a_cleaner_is_told_with_its_place(tmp_path):
    with pytest.raises(SpecError) as caught:
        run(tmp_path, clean=[{"kind": "strip"}, {"kind": "drop_rows", "where": "id > 3"}])
    assert caught.value.problems[0].where == "prepare.clean.1: drop_rows.where: id > 3"


@pytest.mark.parametrize(
    "entry",
    [
        "{kind: drop_rows, where: \"__import__('os').system('true') = 1\"}",
        '{kind: drop_rows, where: "soundex(km) = 1"}',
        '{kind: drop_rows, where: "km = 1; DROP TABLE rows"}',
    ],
)
def test_an_expression_outside_the_grammar_is_told_with_file_and_line(tmp_path, monkeypatch, capfd, entry):
    write(tmp_path)
    text = "name: rides\ntask: {kind: regression, target: minutes}\nprepare:\n  source: {kind: csv, path: rides.csv}\n"
    text += f"  clean:\n    - {entry}\n  checks:\n    - {{kind: expression, value: km}}\n"
    (tmp_path / "spec.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert app.run(["check", "spec.yaml"]) == 2
    told = capfd.readouterr().err
    assert "spec.yaml:6:32: prepare.clean.0.where" in told and "at character" in told
    assert "spec.yaml:8:33: prepare.checks.0.value" in told
