"""A split that the data says, and one with a gap: where the rows go, and what becomes of the column that said it."""

import json

import pytest

from modelwright.core.columns import Schema
from modelwright.core.progress import Silent
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import prepare
from modelwright.stages.incoming import read_rows
from modelwright.stages.job import Job

LINES = ["fold,x,at,y"] + [
    f"{('train', 'train', 'train', 'dev', 'test')[n % 5]},{n * 7919 % 101 / 7},2026-01-{1 + n // 20:02d},{n * 31 % 17}"
    for n in range(400)
]


def prepared(folder, split, features="auto"):
    (folder / "rows.csv").write_text("\n".join(LINES) + "\n")
    section = {
        "source": {"kind": "csv", "path": "rows.csv"},
        "columns": {"at": {"timezone": "UTC"}},
        "split": split,
        "features": features,
    }
    task = {"kind": "regression", "target": "y"}
    (folder / "spec.yaml").write_text(json.dumps({"name": "split", "task": task, "prepare": section}))
    loaded = load(folder / "spec.yaml")
    job = Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_text=loaded.text)
    return job, prepare.run(prepare.plan(job), Silent())


def test_the_column_that_says_the_split_is_no_input(tmp_path):
    job, done = prepared(tmp_path, {"kind": "column", "column": "fold"})
    rows, columns = done.summary["rows"], done.summary["columns"]
    assert (rows["learn"], rows["validation"], rows["test"]) == (240, 80, 80)
    assert columns["ignore"] == ["fold"] and "fold" not in columns["input"]
    schema = Schema.from_dict(done.run.read_json("schema.json"))
    (tmp_path / "new.csv").write_text("x,at\n1.5,2026-02-01\n")
    source = job.spec.prepare.source.model_copy(update={"path": "new.csv"})
    new = read_rows(source, tmp_path, schema, job.spec.prepare, engine_folder=tmp_path / "engine", target="hidden")
    assert new.table.num_rows == 1, "new rows need not have it"


@pytest.mark.parametrize("gap", [None, "2d"])
def test_rows_in_a_gap_are_counted_as_removed(tmp_path, gap):
    split = {"kind": "time", "column": "at", **({"gap": gap} if gap else {})}
    steps = [{"kind": "drop", "columns": ["fold"]}, {"kind": "datetime_parts", "columns": ["at"]}]
    rows = prepared(tmp_path, split, steps)[1].summary["rows"]
    removed = sum(entry["removed"] for entry in rows["removed"])
    assert rows["read"] == removed + rows["learn"] + rows["validation"] + rows["test"]
    assert {"step": "time split", "removed": 40} in rows["removed"] if gap else removed == 0
