"""A small model that is prepared, trained and evaluated without any of those stages, so that it can be exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.core.progress import Silent
from modelwright.graph.builder import ML, NUMBER, GraphBuilder
from modelwright.runs.commit import begin
from modelwright.runs.store import Run, Store
from modelwright.serving.model import ServedModel
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


def graph(sky: str = "sky") -> bytes:
    """60 km / speed (30 where missing), longer in rain."""
    builder = GraphBuilder()
    speed = builder.input("speed", "number")
    known = builder.op("Where", builder.op("IsNaN", speed), 30.0, speed)
    codes = {"keys_strings": ["rain"], "values_floats": [5.0], "default_float": 0.0}
    rain = builder.op("LabelEncoder", builder.input(sky, "category"), domain=ML, **codes)
    drive = builder.op("Div", builder.op("Mul", builder.input("km", "number"), 60.0), known)
    minutes = builder.op("Add", drive, builder.cast(rain, NUMBER))
    builder.output("prediction", minutes, NUMBER, ["N"])
    return builder.build()


class Workshop:
    """A store with a prepared, trained and (when asked) evaluated model, and the jobs that export it."""

    def __init__(self, folder: Path, renamed: Mapping[str, str] | None = None) -> None:
        """`renamed`: other names for columns."""
        names = renamed or {}
        self.folder = folder
        self.schema = replace(
            SCHEMA,
            columns=tuple(replace(column, name=names.get(column.name, column.name)) for column in SCHEMA.columns),
        )
        self.graph = graph(names.get("sky", "sky"))
        self.rows = ROWS.rename_columns([names.get(name, name) for name in ROWS.column_names])
        folder.mkdir(exist_ok=True)
        (folder / "rides.csv").write_text("ride,at,km,speed,sky,unused,minutes\n")
        (folder / "rides.yaml").write_text(SPEC)
        self.store = Store(folder / "runs")

    def job(self, *overrides: str, **options: Any) -> Job:
        loaded = load(self.folder / "rides.yaml", overrides)
        return Job(loaded.spec, loaded.base, self.store, source="train/v0001", spec_text=loaded.text, options=options)

    def prepare_and_train(self, table: pa.Table | None = None, difference: float = 0.0) -> Run:
        table = self.rows if table is None else table
        job = self.job()
        with begin(self.store, lineage.identity(job, "prepare", {}, ()), spec_text="", threads=1) as staged:
            staged.write_json("schema.json", self.schema.to_dict())
            staged.write_json("profile.json", {"columns": {}})
            for split in ("learn", "validation", "test"):
                pq.write_table(table, staged.path(f"{split}.parquet"))
            prepare = staged.commit()
        inputs = (lineage.run_input(prepare),)
        with begin(self.store, lineage.identity(job, "train", {}, inputs), spec_text="", threads=1) as staged:
            staged.write_bytes("model.onnx", self.graph)
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
