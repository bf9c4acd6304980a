"""Export makes a bundle of a model that passed its gates, proves it on real rows, and makes the same one every time."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.core.errors import ArtifactError, DataError
from modelwright.core.progress import Silent
from modelwright.graph.builder import ML, NUMBER, GraphBuilder
from modelwright.runs.commit import begin
from modelwright.runs.store import Run, Store
from modelwright.serving.bundle import open_bundle
from modelwright.serving.model import ServedModel
from modelwright.serving.rows import json_rows
from modelwright.serving.settings import Limits
from modelwright.spec.load import load
from modelwright.stages import export, lineage
from modelwright.stages.job import Job

SPEC = """
name: rides
task: {kind: regression, target: minutes}
prepare:
  source: {kind: csv, path: rides.csv}
  columns:
    ride: {role: id}
    at: {role: time, type: timestamp, timezone: UTC}
  features:
    - {kind: impute, columns: [speed]}
"""
SCHEMA = Schema(
    (
        Column("ride", "text", role="id"),
        Column("at", "timestamp", role="time"),
        Column("km", "number", minimum=0.5, maximum=40),
        Column("speed", "number", nullable=True),
        Column("sky", "category", categories=("clear", "rain"), nullable=True),
        Column("unused", "number"),
        Column("minutes", "number", role="target"),
    )
)
ROWS = pa.table(
    {
        "ride": [f"r{n}" for n in range(40)],
        "at": pa.array([datetime(2026, 1, 1 + n % 28, tzinfo=UTC) for n in range(40)], pa.timestamp("us", "UTC")),
        "km": [0.1 + n / 3 for n in range(39)] + [None],
        "speed": [20.0 + n for n in range(39)] + [None],
        "sky": ["clear", "rain", None, "hail"] * 10,
        "unused": [float(n) for n in range(40)],
        "minutes": [float(n) for n in range(40)],
        ROW_DIGEST: pa.array(range(40), pa.int64()),
    }
)


def graph() -> bytes:
    """60 km / speed (30 where missing), longer in rain."""
    builder = GraphBuilder()
    speed = builder.input("speed", "number")
    known = builder.op("Where", builder.op("IsNaN", speed), 30.0, speed)
    codes = {"keys_strings": ["rain"], "values_floats": [5.0], "default_float": 0.0}
    rain = builder.op("LabelEncoder", builder.input("sky", "category"), domain=ML, **codes)
    drive = builder.op("Div", builder.op("Mul", builder.input("km", "number"), 60.0), known)
    minutes = builder.op("Add", drive, builder.cast(rain, NUMBER))
    builder.output("prediction", minutes, NUMBER, ["N"])
    return builder.build()


class Workshop:
    """A store with a prepared, trained and (when asked) evaluated model, and the jobs that export it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "rides.csv").write_text("ride,at,km,speed,sky,unused,minutes\n")
        (folder / "rides.yaml").write_text(SPEC)
        self.store = Store(folder / "runs")

    def job(self, *overrides: str, **options: Any) -> Job:
        loaded = load(self.folder / "rides.yaml", overrides)
        return Job(loaded.spec, loaded.base, self.store, source="train/v0001", spec_text=loaded.text, options=options)

    def prepare_and_train(self, table: pa.Table = ROWS, difference: float = 0.0) -> Run:
        job = self.job()
        with begin(self.store, lineage.identity(job, "prepare", {}, ()), spec_text="", threads=1) as staged:
            staged.write_json("schema.json", SCHEMA.to_dict())
            staged.write_json("profile.json", {"columns": {}})
            for split in ("learn", "validation", "test"):
                pq.write_table(table, staged.path(f"{split}.parquet"))
            prepare = staged.commit()
        inputs = (lineage.run_input(prepare),)
        with begin(self.store, lineage.identity(job, "train", {}, inputs), spec_text="", threads=1) as staged:
            staged.write_bytes("model.onnx", graph())
            staged.write_json("parity.json", {"largest": difference})
            staged.write_json("model.json", {"kind": "ridge", "contains_rows": False})
            return staged.commit()

    def evaluate(self, *overrides: str, passed: bool = True, change: float = 0.0, role: str = "train") -> Run:
        job = self.job(*overrides)
        section = {
            "task": job.spec.task.model_dump(mode="json"),
            "evaluate": job.spec.evaluate.model_dump(mode="json"),
        }
        train = self.store.open("rides", "train", 1)
        inputs = [lineage.run_input(train)]
        if role == "data":
            inputs.append(replace(inputs[0], role="data"))
        signature = export._signature(export.Plan(job, None, self._sources(), None, {}), graph())  # type: ignore[arg-type]
        model = ServedModel(signature, graph(), version=0, limits=Limits())
        predicted = model.score_table(ROWS)["prediction"] + change
        gates = [{"name": "threshold rmse", "passed": passed, "message": "rmse is 7, at most 6 is allowed"}]
        identity = lineage.identity(job, "evaluate", section, tuple(inputs))
        with begin(self.store, identity, spec_text="", threads=1) as staged:
            staged.write_json("gates.json", {"passed": passed, "gates": gates})
            staged.write_bytes("model_card.md", b"# rides\n")
            pq.write_table(pa.table({"prediction": predicted}), staged.path("predictions.parquet"))
            return staged.commit()

    def _sources(self) -> dict[str, Run]:
        return {stage: self.store.open("rides", stage, 1) for stage in ("prepare", "train")}

    def export(self, *overrides: str, **options: Any) -> Run:
        plan = export.plan(self.job(*overrides, **options))
        return export.run(plan, Silent()).run


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.prepare_and_train()
    return made


def test_a_bundle_holds_all_that_serving_needs(workshop):
    workshop.evaluate()
    run = workshop.export()
    written = {*run.manifest.outputs, *run.manifest.unhashed}
    assert written >= {
        *("model.onnx", "signature.json", "profile.json", "openapi.json", "smoke.json", "parity.json"),
        *("latency.json", "requirements.lock", "model_card.md"),
    }
    assert "latency.json" in run.manifest.unhashed
    assert run.read_bytes("model.onnx") == workshop.store.open("rides", "train", 1).read_bytes("model.onnx")
    assert run.read_json("latency.json")["batches"].keys() == {"1", "16", "128", "1024"}
    bundle = open_bundle(run.path)
    assert (bundle.name, bundle.version) == ("rides", 1)


def test_the_signature_says_what_is_scored_logged_and_refused(workshop):
    workshop.evaluate()
    signature = open_bundle(workshop.export().path).signature
    assert [(field.name, field.nullable) for field in signature.inputs] == [
        ("km", False),  # learn had no missing values
        ("speed", True),  # an impute step covers it
        ("sky", True),  # learn had missing values
    ]
    assert [field.name for field in signature.context] == ["ride", "at", "unused"]
    assert signature.refused == {"minutes": "target"}
    assert signature.id_field == "ride"
    assert not signature.ungated


def test_golden_requests_are_real_rows_and_one_with_all_missing_that_may_be(workshop):
    workshop.evaluate()
    requests = workshop.export().read_json("smoke.json")["requests"]
    assert len(requests) == export.GOLDEN_ROWS + 1
    assert requests[0]["row"] == {"km": 0.1, "speed": 20.0, "sky": "clear"}
    assert requests[-1]["row"] == {"km": 0.1, "speed": None, "sky": None}
    assert requests[0]["answer"] == {"prediction": 60 * 0.1 / 20.0}


def test_parity_is_exact_and_says_against_what(workshop):
    workshop.evaluate()
    parity = workshop.export().read_json("parity.json")
    assert {key: parity[key] for key in ("native", "evaluate", "requests", "largest")} == {
        "native": 0.0, "evaluate": 0.0, "requests": 0.0, "largest": 0.0,
    }  # fmt: skip
    assert parity["rows"] == 40


def test_a_graph_that_differs_is_not_exported(workshop):
    workshop.evaluate(change=0.5)
    with pytest.raises(ArtifactError, match=r"differs by .* \(evaluate\)"):
        workshop.export()
    assert workshop.store.versions("rides", "export") == []
    assert workshop.export("export.tolerance=0.1").version == 1


def test_a_train_run_beyond_tolerance_is_not_exported(tmp_path):
    workshop = Workshop(tmp_path)
    workshop.prepare_and_train(difference=1e4)
    workshop.evaluate()
    with pytest.raises(ArtifactError, match=r"\(native\)"):
        workshop.export()


def test_without_an_evaluate_there_is_no_export(workshop):
    with pytest.raises(ArtifactError, match="no evaluate run") as caught:
        workshop.export()
    assert "modelwright evaluate" in caught.value.problems[0].hint


def test_failed_gates_stop_export_unless_ungated_which_is_recorded(workshop):
    workshop.evaluate(passed=False)
    with pytest.raises(ArtifactError, match="rmse is 7, at most 6"):
        workshop.export()
    run = workshop.export(ungated=True)
    assert run.read_json("signature.json")["ungated"] is True


def test_an_evaluate_of_other_gates_or_other_data_does_not_count(workshop):
    workshop.evaluate("evaluate.confidence=0.9")
    workshop.evaluate(role="data")
    with pytest.raises(ArtifactError, match="no evaluate run"):
        workshop.export()


def test_the_newest_evaluate_decides(workshop):
    workshop.evaluate(passed=True)
    workshop.evaluate(passed=False)
    with pytest.raises(ArtifactError, match="did not pass"):
        workshop.export()


def test_exporting_again_is_a_cached_no_op_with_the_same_summary(workshop):
    workshop.evaluate()
    done = export.run(export.plan(workshop.job()), Silent())
    again = export.plan(workshop.job())
    assert again.cached is not None
    assert again.cached.label == done.run.label
    assert export.result(again.cached, cached=True).summary == done.summary


def test_the_same_model_gives_the_same_bytes_in_another_folder(workshop, tmp_path):
    workshop.evaluate()
    other = Workshop(tmp_path / "other")
    other.prepare_and_train()
    other.evaluate()
    overrides = ("export.container={base: 'python:3.11-slim'}",)
    assert workshop.export(*overrides).digest == other.export(*overrides).digest


def test_a_bundle_beyond_max_mb_is_refused_and_nothing_is_left(workshop):
    workshop.evaluate()
    with pytest.raises(ArtifactError, match=r"export\.max_mb allows 0\.001 MB"):
        workshop.export("export.max_mb=0.001")
    assert [path.name for path in workshop.store.folder("rides", "export").iterdir()] == [".lock"]


def test_rows_that_no_server_would_take_are_an_error(tmp_path):
    workshop = Workshop(tmp_path)
    workshop.prepare_and_train(ROWS.slice(39, 1))
    with pytest.raises(DataError, match="no row"):
        workshop.export(ungated=True)


def test_every_test_row_asked_alone_gives_what_the_table_gives(workshop):
    workshop.evaluate()
    bundle = open_bundle(workshop.export().path)
    model = ServedModel(bundle.signature, bundle.model, version=1, limits=Limits())
    whole = model.score_table(ROWS)["prediction"]
    for number, row in enumerate(json_rows(ROWS, bundle.signature.inputs)[:39]):
        body = json.dumps({"rows": [row]}).encode()
        answer = json.loads(json.dumps(model.predictions(model.score(model.decoder.decode(body)))))
        assert answer == [{"prediction": whole[number]}]


def test_a_container_gets_a_dockerfile_and_the_wheel_it_installs(workshop, tmp_path):
    workshop.evaluate()
    run = workshop.export("export.container={base: 'python:3.11-slim'}")
    text = run.read_bytes("Dockerfile").decode()
    assert "FROM python:3.11-slim\n" in text
    name = next(name for name in run.manifest.outputs if name.endswith(".whl"))
    assert text.count(name) == 2
    with zipfile.ZipFile(run.file(name)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "installed")
    program = "import modelwright.serving.server as server; print(server.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "installed", capture_output=True, text=True, check=True
    )
    assert str(tmp_path / "installed") in done.stdout
