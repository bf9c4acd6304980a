"""Columns of the past, from the spec to the bundle."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelwright.chains.run import run_stage
from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError, SpecError
from modelwright.core.progress import Silent
from modelwright.runs.store import Run, Store
from modelwright.serving.bundle import open_bundle
from modelwright.spec.header import checked_header
from modelwright.spec.load import load
from modelwright.stages import history
from modelwright.stages.job import Job
from modelwright.stages.predict import predict
from modelwright.tables.engine import open_engine

SPEC = """\
name: orders
task: {kind: regression, target: minutes}
prepare:
  source: {kind: csv, path: orders.csv}
  columns:
    order: {role: id}
    courier: {role: entity}
    at: {type: timestamp, role: time, timezone: UTC}
  history:
    - {kind: lag, columns: [minutes, zone], rows: [1, 2], elapsed: true, delay: 2h}
    - {kind: rolling, columns: [minutes], window: 3d, statistics: [mean, count], delay: 2h}
    - {kind: expanding, columns: [minutes], statistics: [mean], delay: 2h}
  checks:
    - {kind: between, columns: [minutes_count_3d], min: 0, max: 200}
  split: {kind: time, validation: 0.2, test: 0.2}
train: {model: {kind: lightgbm, iterations: 30}}
evaluate: {resamples: 100}
"""


class Orders:
    """Couriers differ in pace, which only their earlier orders tell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "spec.yaml").write_text(SPEC)
        random = np.random.default_rng(0)
        pace = random.normal(30, 10, 8)
        with (folder / "orders.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["order", "courier", "at", "zone", "km", "minutes"])
            for number in range(600):
                courier, at = int(random.integers(8)), datetime(2026, 1, 1) + timedelta(minutes=31 * number)
                km, zone = random.uniform(1, 5), "nsew"[int(random.integers(4))]
                minutes = pace[courier] + 2 * km + random.normal()
                writer.writerow([number, f"c{courier}", at.isoformat(), zone, f"{km:.3f}", f"{minutes:.3f}"])

    def stage(self, name: str, *overrides: str) -> Run:
        loaded = load(self.folder / "spec.yaml", overrides)
        job = Job(loaded.spec, loaded.base, Store(self.folder / "runs"), spec_text=loaded.text)
        return run_stage(name, job, Silent()).run


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Orders:
    return Orders(tmp_path_factory.mktemp("orders"))


def test_the_past_is_an_input_and_helps(orders: Orders):
    with_past = orders.stage("prepare")
    columns = {column["name"]: column for column in with_past.read_json("schema.json")["columns"]}
    assert columns["minutes_mean_3d"]["role"] == "input" and columns["minutes_mean_3d"]["nullable"]
    assert columns["zone_lag_1"]["type"] == "category"
    scores = orders.stage("train").read_json("scores.json")["scores"]["rmse"]
    without = ("prepare.history=[]", "~prepare.checks")
    orders.stage("prepare", *without)
    assert scores < 0.5 * orders.stage("train", *without).read_json("scores.json")["scores"]["rmse"]


def test_the_bundle_says_how_to_get_them(orders: Orders):
    """Its SQL, over all rows known so far, gives each test row what prepare gave it."""
    prepare = orders.stage("prepare")
    for stage in ("train", "evaluate"):
        orders.stage(stage)
    bundle = orders.stage("export")
    described = bundle.read_json("history.json")["columns"]
    made = {column["name"] for column in described}
    assert "minutes_mean_so_far" in made and len(made) == 9
    assert next(column for column in described if column["name"] == "minutes_mean_3d") == {
        "name": "minutes_mean_3d",
        "entity": "courier",
        "time": "at",
        "column": "minutes",
        "statistic": "mean",
        "rows_back": None,
        "window_s": 259200.0,
        "delay_s": 7200.0,
    }
    fields = {field["name"]: field for field in bundle.read_json("signature.json")["inputs"]}
    assert made <= set(fields)
    folder = orders.folder / "engine"
    with open_engine(folder, memory=300_000_000, threads=1, readable=[]) as engine:
        for split in ("learn", "validation", "test"):
            engine.register(split, pq.read_table(prepare.file(f"{split}.parquet")))
        engine.execute("CREATE TABLE history AS FROM learn UNION ALL FROM validation UNION ALL FROM test")
        listed = ", ".join(f'"{name}"' for name in made)
        engine.execute(f"CREATE TABLE requests AS SELECT * EXCLUDE ({listed}) FROM test")
        asked = engine.arrow(f"SELECT * FROM ({bundle.read_bytes('history.sql').decode()}) ORDER BY {ROW_DIGEST}")
        prepared = engine.arrow(f"SELECT * FROM test ORDER BY {ROW_DIGEST}")
    assert asked.num_rows > 50
    for name in made:
        pairs = list(zip(asked[name].to_pylist(), prepared[name].to_pylist(), strict=True))
        assert all(one == (other if isinstance(other, str | None) else pytest.approx(other)) for one, other in pairs), (
            name
        )


def test_warnings_tell_of_a_target_known_too_early(orders: Orders):
    told = orders.stage("prepare", "prepare.history.1.delay=0s", "prepare.split={kind: random}").read_json("rows.json")
    assert any('takes the target "minutes" as known at once' in warning for warning in told["warnings"])
    assert any("the split is not by time" in warning for warning in told["warnings"])


def test_checks_before_anything_is_read_know_the_new_names(orders: Orders):
    checked_header(load(orders.folder / "spec.yaml", ()))
    with pytest.raises(DataError, match=r'prepare\.checks\.0\.columns\.0: the data has no column "minutes_count_4d"'):
        checked_header(load(orders.folder / "spec.yaml", ("prepare.checks.0.columns.0=minutes_count_4d",)))


def test_a_name_is_given_once(orders: Orders):
    with pytest.raises(SpecError, match='"minutes_mean_3d" exists already'):
        orders.stage("prepare", "prepare.history.2={kind: rolling, columns: [minutes], window: 3d}")


def test_new_rows_are_scored_with_a_file_of_the_past(orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The rows of test, from the raw file and all rows as their past, are scored as evaluate scored them."""
    monkeypatch.setattr(history, "BATCH_ROWS", 50)  # a batch of rows after the other meets all of the past
    for stage in ("prepare", "train", "evaluate"):
        evaluated = orders.stage(stage)
    bundle = open_bundle(orders.stage("export").path)
    prepare = load(orders.folder / "spec.yaml", ()).spec.prepare
    everything = orders.folder / "orders.csv"
    wanted = pq.read_table(evaluated.file("predictions.parquet")).to_pylist()
    lines = everything.read_text().splitlines()
    new = tmp_path / "new.csv"
    new.write_text("\n".join([lines[0], *lines[-len(wanted) :]]) + "\n")
    with predict(bundle, prepare, str(new), Silent(), past=everything) as found:
        predicted = [value for batch in found.batches for value in batch.column("prediction").to_pylist()]
    assert len(wanted) > 100
    assert predicted == pytest.approx([row["prediction"] for row in wanted])
    with (
        pytest.raises(DataError, match="which is made of the past of each row"),
        predict(bundle, prepare, str(new), Silent()) as found,
    ):
        next(found.batches)
