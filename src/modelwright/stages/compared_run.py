"""What is known of a train run that is put beside others: what it was asked, which rows judged it, how well it did."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.core.canonical import digest
from modelwright.core.errors import ArtifactError, SpecError
from modelwright.runs.manifest import SPEC
from modelwright.stages import lineage
from modelwright.stages.job import Job

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.parts.base import Task
    from modelwright.parts.predictions import Predictions
    from modelwright.runs.store import Run
    from modelwright.spec.spec import Spec

ROWS = ("learn.parquet", "validation.parquet")  # of prepare: the same rows are the same data, whatever the features
MEASURED_ROWS, MEASURED_TIMES = 2_000, 3


@dataclass(frozen=True)
class ComparedRun:
    """`task` is without its metric, which can be any. `prepare` is None once that run was removed."""

    run: Run
    prepare: Run | None
    spec: Spec
    task: dict[str, Any]
    prepare_section: dict[str, Any]
    validation: dict[str, Any]
    data_digest: str
    rows_digest: str | None  # of the rows that were predicted; None: they are not at hand
    model: str
    scored_on: str
    score: dict[str, Any] | None

    @property
    def said(self) -> str:
        return self.spec.task.said

    @property
    def value(self) -> float:
        """The score that ranks it; only of one that has a score."""
        assert self.score is not None
        return float(self.score["value"])

    def predictions(self) -> Predictions | None:
        found = _recorded(self.spec.task, self.run, self.prepare)
        return found and found[1]

    def predict_row_s(self) -> float | None:
        """What its graph takes for a row of many, on one thread: the best of a few times; None without rows."""
        from modelwright.graph.running import Scorer

        rows = None if self.prepare is None else _some_rows(self.prepare)
        if rows is None:
            return None
        scorer = Scorer(self.run.read_bytes("model.onnx"))
        scorer.run_table(rows)
        spent = []
        for _ in range(MEASURED_TIMES):
            started = time.perf_counter()
            scorer.run_table(rows)
            spent.append(time.perf_counter() - started)
        return min(spent) / int(rows.num_rows)


def compared_run(job: Job, run: Run) -> ComparedRun:
    """Scored by the metric of the job's task. ArtifactError when the run is damaged or its spec can't be loaded."""
    from modelwright.fitting.recorded import score_of
    from modelwright.fitting.scoring import deciding_metric

    spec, prepare = _spec(run), _prepare(job, run)
    scores = run.read_json("scores.json")
    metric = deciding_metric(job.spec.task)
    told = scores["scores"].get(metric.kind)
    score, rows_digest = None if told is None else {"value": told}, None
    task, wanted = (one.model_dump(mode="json", exclude={"metric"}) for one in (spec.task, job.spec.task))
    found = _recorded(job.spec.task, run, prepare) if task == wanted else None
    if found is not None:
        score = score_of(metric, found[1]).to_dict()
        rows_digest = digest(found[0].tobytes().hex())
    return ComparedRun(
        run,
        prepare,
        spec,
        task,
        spec.prepare.model_dump(mode="json"),
        spec.train.validation.model_dump(mode="json"),
        _data_digest(run, prepare),
        rows_digest,
        run.read_json("model.json")["kind"],
        scores["scored_on"],
        score if score is not None and math.isfinite(score["value"]) else None,
    )


def _spec(run: Run) -> Spec:
    from modelwright.spec.load import load

    try:
        return load(run.file(SPEC)).spec
    except SpecError as error:
        raise ArtifactError(f"its spec can't be loaded here: {error.problems[0]}", where=str(run.path)) from error


def _prepare(job: Job, run: Run) -> Run | None:
    try:
        return lineage.source_of(job, run, "prepare")
    except ArtifactError:
        return None


def _data_digest(run: Run, prepare: Run | None) -> str:
    """Of the rows that models learn from and are judged by; of all that prepare made, once it is gone."""
    if prepare is None:
        return next(entry.digest for entry in run.manifest.inputs if entry.role == "prepare")
    return digest([prepare.manifest.outputs[name].sha256 for name in ROWS])


def _recorded(task: Task, run: Run, prepare: Run | None) -> tuple[Any, Predictions] | None:
    """None where predictions can't be scored again: the rows of prepare are gone or damaged."""
    from modelwright.fitting.recorded import recorded

    run.file("predictions.parquet")
    if prepare is None:
        return None
    try:
        return recorded(task, run, prepare)
    except ArtifactError:
        return None


def _some_rows(prepare: Run) -> pa.Table | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in reversed(ROWS):
        try:
            file = prepare.file(name)
        except ArtifactError:
            return None
        for batch in pq.ParquetFile(file).iter_batches(MEASURED_ROWS):
            if batch.num_rows:
                return pa.Table.from_batches([batch])
    return None
