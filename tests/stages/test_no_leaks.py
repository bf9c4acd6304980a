"""What belongs together stays together, what was learnt is known, and tables that we wrote read as they are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.chains.run import run_stage
from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.parts.folding import groups_of
from modelwright.parts.readers.csv import Csv
from modelwright.parts.splits.random import Random
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import lineage
from modelwright.stages.job import Job
from modelwright.tables.engine import open_engine
from modelwright.tables.typing import Declared, type_rows

SPEC = """\
name: visits
task: {kind: regression, target: minutes}
prepare:
  source: {kind: csv, path: visits.csv}
  columns:
    at: {type: timestamp, timezone: Europe/Kyiv}
    patient: {role: entity}
    importance: {role: weight}
  split: {kind: random, validation: 0.2, test: 0.3}
train: {model: {kind: lightgbm, iterations: 30}}
evaluate: {resamples: 100, slices: [ward]}
"""


class Visits:
    """Every patient has a time of their own, which nothing but the patient's other visits gives away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "spec.yaml").write_text(SPEC)
        random = np.random.default_rng(0)
        with (folder / "visits.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["at", "patient", "age", "ward", "importance", "minutes"])
            for patient in range(60):
                age, minutes = random.normal(), random.normal()
                for visit in range(8):
                    at = f"2026-03-{1 + visit * 3:02d} {patient % 24:02d}:30:00"
                    ward, weight = "abc"[patient % 3], 1 + visit
                    writer.writerow([at, f"p{patient}", age, ward, weight, minutes + random.normal() / 10])

    def job(self, *overrides: str, **options: object) -> Job:
        loaded = load(self.folder / "spec.yaml", overrides)
        return Job(loaded.spec, loaded.base, Store(self.folder / "runs"), spec_text=loaded.text, options=options)

    def stage(self, name, *overrides, **options):
        return run_stage(name, self.job(*overrides, **options), Silent())


@pytest.fixture
def visits(tmp_path):
    return Visits(tmp_path)


# --- rows of one group ------------------------------------------------------------------------------------------------

SPLIT_BY_GROUP = (
    "prepare.columns.patient.role=input",
    "prepare.split.group=patient",
    "prepare.features=[{kind: drop, columns: [patient, ward, at]}]",
)


@pytest.mark.parametrize("overrides", [(), SPLIT_BY_GROUP], ids=["entity", "split.group"])
def test_folds_keep_groups_together_so_scores_are_honest(visits, overrides):
    kfold = (*overrides, "train.validation={kind: kfold, folds: 4}")
    prepared = visits.stage("prepare", *kfold).run
    assert Schema.from_dict(prepared.read_json("schema.json")).group == "patient"
    trained = visits.stage("train", *kfold).run
    score = trained.read_json("scores.json")["scores"]["r2"]
    assert score < 0.1, "age tells patients apart, so torn groups would give their minutes away"


def test_rows_without_a_group_are_on_their_own():
    """So that the bootstrap draws them alone, and the rows of one group together."""
    table = pa.table({"patient": ["a", None, "b", "a", None]})
    groups = groups_of(table, Schema((Column("patient", "text"),), group="patient"))
    assert groups[0] == groups[3] and len(set(groups.tolist())) == 4
    assert groups_of(table, Schema((Column("patient", "text"),))) is None


# --- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "said"), [("", "missing or negative in 8 rows"), ("-1", "missing or negative"), ("x", "of type text")]
)
def test_a_weight_that_can_not_weigh_is_refused(visits, weight, said):
    text = (visits.folder / "visits.csv").read_text().splitlines()
    changed = [
        line if number == 0 or number % 60 else line.rsplit(",", 2)[0] + f",{weight},1"
        for number, line in enumerate(text)
    ]
    if weight == "x":
        changed = [changed[0], *(line.rsplit(",", 2)[0] + ",x,1" for line in changed[1:])]
    (visits.folder / "visits.csv").write_text("\n".join(changed) + "\n")
    with pytest.raises(DataError, match=said):
        visits.stage("prepare")


def test_new_rows_without_weights_weigh_the_same(visits, tmp_path):
    for stage in ("prepare", "train"):
        run = visits.stage(stage).run
    rows = pq.read_table(lineage.source_of(visits.job(), run, "prepare").file("test.parquet"))
    pq.write_table(rows.drop_columns(["importance"]), tmp_path / "new.parquet")
    found = visits.stage("evaluate", data=tmp_path / "new.parquet").run.read_json("metrics.json")["metrics"]["rmse"]
    assert found["low"] < found["value"] < found["high"]


# --- our own tables ---------------------------------------------------------------------------------------------------


def test_tables_say_that_their_times_are_utc_and_so_read_as_they_are(visits, tmp_path):
    """The spec declares Europe/Kyiv: a table without zones would be shifted by two hours when it is read again."""
    for stage in ("prepare", "train", "evaluate", "export"):
        visits.stage(stage)
    prepared = visits.job().store.open("visits", "prepare", 1)
    test = prepared.file("test.parquet")
    assert pq.read_schema(test).field("at").type == pa.timestamp("us", "UTC")
    again, first = visits.stage("evaluate", data=test).run, visits.stage("evaluate").run
    predictions = [pq.read_table(run.file("predictions.parquet"))["prediction"].to_pylist() for run in (again, first)]
    assert predictions[0] == predictions[1]
    assert visits.stage("monitor", data=prepared.file("learn.parquet")).summary["changed"] == {}
    pq.write_table(pq.read_table(test).drop_columns(["minutes"]), tmp_path / "unlabelled.parquet")
    found = visits.stage("monitor", data=tmp_path / "unlabelled.parquet")
    assert found.summary["performance"] == {}


# --- rows that are added ----------------------------------------------------------------------------------------------

LINES = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from(["", "1", "2.5", "-3"]), st.sampled_from(["a", "b", ""])), max_size=15
)


def sides(folder, lines, seed, *, with_id):
    """The split of each row, by all of its values."""
    folder.mkdir(exist_ok=True)
    (folder / "data.csv").write_text("\n".join(["key,n,word", *(",".join(map(str, line)) for line in lines)]) + "\n")
    with open_engine(folder / "engine", memory=100_000_000, threads=2, readable=[folder]) as engine:
        reading = Csv(path="data.csv").read(engine, folder)
        declared = {"key": Declared(role="id")} if with_id else {}
        Random(validation=0.3, test=0.3).assign(engine, "rows", type_rows(engine, reading, declared, 0.0)[0], seed)
        found = engine.rows(f'SELECT "{ROW_DIGEST}", __split__ FROM rows ORDER BY rowid')
    return [tuple(row) for row in found]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES.filter(bool), LINES, LINES, st.integers(0, 3), st.booleans())
def test_rows_keep_their_split_when_others_come(tmp_path, lines, before, after, seed, with_id):
    """Wherever they come, and even if a column of whole numbers then holds fractions or values go missing."""
    alone = sides(tmp_path / "x", lines, seed, with_id=with_id)
    grown = sides(tmp_path / "x", [*before, *lines, *after], seed, with_id=with_id)
    assert grown[len(before) : len(before) + len(lines)] == alone
    by_digest = {}
    assert all(by_digest.setdefault(digest, side) == side for digest, side in grown)


# --- what a cached run depends on -------------------------------------------------------------------------------------


def test_how_new_data_is_read_is_part_of_what_was_done(visits, tmp_path):
    for stage in ("prepare", "train", "evaluate", "export"):
        visits.stage(stage)
    data = tmp_path / "visits.csv"
    drop = "prepare.clean=[{kind: drop_rows, where: 'age > 0'}]"
    for stage in ("evaluate", "monitor"):
        plain = run_stage(stage, visits.job(data=data), Silent())
        assert run_stage(stage, visits.job(data=data), Silent()).cached
        job = visits.job(drop, data=data)
        other = run_stage(
            stage, Job(**{**vars(job), "source": "train/v0001" if stage == "evaluate" else None}), Silent()
        )
        assert not other.cached and other.run.manifest.key != plain.run.manifest.key


def test_a_renamed_file_is_the_same_data_unless_the_split_goes_by_names(tmp_path):
    for name in ("a.csv", "b_test.csv"):
        (tmp_path / name).write_text("x,y\n" + "".join(f"{name}{n},{n}\n" for n in range(40)))
    for split, same in (("{kind: random}", True), ("{kind: files, test: '*_test.csv'}", False)):
        (tmp_path / "spec.yaml").write_text(
            "name: s\ntask: {kind: regression, target: y}\n"
            f"prepare: {{source: {{kind: csv, path: '*.csv'}}, split: {split}}}\n"
        )
        keys = []
        for new, old in (("a.csv", "a.csv"), ("a_test.csv", "a.csv"), ("a.csv", "a_test.csv")):
            (tmp_path / old).rename(tmp_path / new)
            loaded = load(tmp_path / "spec.yaml")
            keys.append(lineage.prepare_identity(Job(loaded.spec, loaded.base, Store(tmp_path / "runs"))).key)
        assert (keys[0] == keys[1]) is same and keys[0] == keys[2]
