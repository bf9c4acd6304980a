"""Evaluate: score the test rows once, state the uncertainty, compare with the champion, decide the gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Schema
from modelwright.core.errors import GATE_FAILED, SpecError
from modelwright.core.progress import Progress
from modelwright.runs.commit import begin
from modelwright.stages import lineage
from modelwright.stages.incoming import read_rows, reader_for
from modelwright.stages.job import Job, Plan, Result, deciding_first
from modelwright.stages.rivals import ROLE, rival_inputs, rivals_of

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.fitting.evidence import ModelEvidence
    from modelwright.fitting.rivals import FittedRows, Rival
    from modelwright.parts.base import Gate, Metric, Task
    from modelwright.runs.commit import Staged
    from modelwright.runs.store import Run


def plan(job: Job) -> Plan:
    """`options["data"]` names labelled rows to score instead of the test rows; `options["bundle"]` a copied export."""
    data, bundle = job.options.get("data"), lineage.bundle_run(job)
    if bundle is not None and not data:
        raise SpecError("a bundle holds no rows to score", hint="evaluate --bundle DIR --data FILE")
    model = bundle or lineage.train_run(job)
    sources = {"model": model}
    inputs = [lineage.bundle_input(model) if bundle else lineage.run_input(model)]
    if bundle is None:
        sources["prepare"] = lineage.source_of(job, model, "prepare")
    rivals = rivals_of(job, model)
    sources |= {ROLE + alias: run for alias, run in rivals.items()}
    inputs += rival_inputs(rivals)
    section = lineage.evaluate_section(job)
    if data:
        inputs += lineage.reader_inputs(job, reader_for(Path(data), job.spec.prepare.source))
        section |= {"prepare": job.spec.prepare.model_dump(mode="json")}  # it says how the rows are read and cleaned
    summary = {
        "model": model.label,
        "data": str(data) if data else f"{sources['prepare'].label}/test.parquet",
        **{alias: run.label for alias, run in rivals.items()},
        "gates": [gate.kind for gate in job.spec.evaluate.gates],
    }
    wanted = lineage.identity(job, "evaluate", section, tuple(inputs))
    return lineage.plan_of(job, wanted, sources, summary)


def run(plan: Plan, progress: Progress) -> Result:
    from modelwright.fitting.details import details
    from modelwright.reports.evaluate import evaluate_report, guess
    from modelwright.reports.model_card import model_card
    from modelwright.reports.quantiles import quantile_facts

    spec = plan.job.spec
    with begin(plan.job.store, plan.identity, spec_text=plan.job.spec_text, threads=1) as staged:
        test = _read_test(plan, staged)
        progress.say(f"scoring {test.table.num_rows:,} rows with {plan.sources['model'].label}")
        evidence = _score(plan, test)
        _write_predictions(staged, test, evidence)
        metrics = {metric.kind: evidence.interval(metric.kind).to_dict() for metric in evidence.metrics}
        slices = evidence.slices(spec.evaluate.slices, test.table)
        told = details(evidence, test.table, plan.sources["model"].read_json("model.json"))
        gates = _decide(spec.evaluate.gates, evidence)
        facts = {
            "name": spec.name,
            "task": spec.task.model_dump(mode="json"),
            "model": plan.sources["model"].read_json("model.json"),
            "train": plan.sources["model"].label,
            "scored": test.name,
            "rows": test.table.num_rows,
            "metrics": metrics,
            "directions": {metric.kind: metric.direction for metric in evidence.metrics},
            "slices": slices,
            "comparison": evidence.comparisons(),
            "gates": gates,
            "quantiles": quantile_facts(evidence.predictions),
            "guess": None if told else guess(evidence.predictions, test.schema, spec.task.model_dump(mode="json")),
            "details": told,
        }
        staged.write_json("metrics.json", {"metric": evidence.metrics[0].kind, "metrics": metrics})
        staged.write_json("slices.json", slices)
        if told:
            staged.write_json("details.json", told)
        staged.write_json("comparison.json", facts["comparison"])
        staged.write_json("gates.json", {"passed": all(gate["passed"] for gate in gates), "gates": gates})
        staged.write_bytes("report.html", evaluate_report(facts, evidence.predictions, test.schema))
        staged.write_bytes("model_card.md", model_card(facts, test.schema))
        done = staged.commit()
    return result(done)


def result(done: Run, *, cached: bool = False) -> Result:
    """What the command shows, from what the run holds; the same whether it ran now or before."""
    found, gates = done.read_json("metrics.json"), done.read_json("gates.json")
    metrics = deciding_first(found["metrics"], found["metric"])
    summary = {
        "model": done.source("train") or done.source("bundle"),
        "rows": metrics[found["metric"]]["rows"],
        "metrics": {name: {key: value[key] for key in ("value", "low", "high")} for name, value in metrics.items()},
        "gates": {gate["name"]: f"{gate['outcome']}: {gate['message']}" for gate in gates["gates"]},
        "passed": gates["passed"],
        "report": str(done.path / "report.html"),
    }
    return Result(done, summary, exit_code=0 if gates["passed"] else GATE_FAILED, cached=cached)


@dataclass(frozen=True)
class ScoredRows:
    """The rows that are scored, once."""

    table: pa.Table
    schema: Schema
    name: str
    told_apart_by: Sequence[str]  # columns that their digests are made of


def _read_test(plan: Plan, staged: Staged) -> ScoredRows:
    import pyarrow.parquet as pq

    data = plan.job.options.get("data")
    holder = plan.sources.get("prepare", plan.sources["model"])  # a bundle carries the schema too
    schema = Schema.from_dict(holder.read_json("schema.json"))
    if not data:
        told_apart_by = holder.read_json("rows.json")["told_apart_by"]
        test = pq.read_table(holder.file("test.parquet"))
        return ScoredRows(test, schema, "the test rows of prepare", told_apart_by)
    spec = plan.job.spec
    with TemporaryDirectory(dir=staged.folder) as scratch:
        incoming = read_rows(
            reader_for(Path(data), spec.prepare.source),
            plan.job.base,
            schema,
            spec.prepare,
            engine_folder=Path(scratch),
            target="needed" if spec.task.supervised else "welcome",
        )
    return ScoredRows(_labelled(incoming.table, spec.task), schema, Path(data).name, incoming.told_apart_by)


def _labelled(table: pa.Table, task: Task) -> pa.Table:
    """The rows whose truth is known; all where nothing is predicted."""
    for name in task.targets if task.supervised else ():
        table = table.filter(table[name].is_valid())
    return table


def _score(plan: Plan, test: ScoredRows) -> ModelEvidence:
    from modelwright.fitting.evidence import ModelEvidence
    from modelwright.fitting.scoring import checked_metrics, default_metrics

    spec = plan.job.spec
    metrics: tuple[Metric, ...] = (
        checked_metrics(spec.evaluate.metrics, spec.task) if spec.evaluate.metrics else default_metrics(spec.task)
    )
    return ModelEvidence.of_model(
        plan.sources["model"].read_bytes("model.onnx"),
        test.table,
        test.schema,
        spec.task,
        metrics,
        told_apart_by=test.told_apart_by,
        fitted=_fitted_rows(plan.job, plan.sources["model"]) if "prepare" in plan.sources else None,
        rivals=_rivals(plan),
        resamples=spec.evaluate.resamples,
        confidence=spec.evaluate.confidence,
        seed=spec.seed,
    )


def _rivals(plan: Plan) -> Mapping[str, Rival]:
    from modelwright.fitting.rivals import Rival

    return {
        role.removeprefix(ROLE): Rival(
            run.label,
            run.read_bytes("model.onnx"),
            Schema.from_dict(run.read_json("schema.json")),
            _fitted_rows(plan.job, run),
        )
        for role, run in plan.sources.items()
        if role.startswith(ROLE)
    }


def _fitted_rows(job: Job, model: Run) -> FittedRows | None:
    """Of a train run or an export; None where they are not known any more."""
    from modelwright.core.errors import ArtifactError
    from modelwright.fitting.rivals import FittedRows

    try:
        train = model if model.stage == "train" else lineage.source_of(job, model, "train")
        told_apart_by = lineage.source_of(job, train, "prepare").read_json("rows.json")["told_apart_by"]
        return FittedRows.read(train.file("fitted_rows.parquet"), told_apart_by)
    except ArtifactError:
        return None


def _write_predictions(staged: Staged, test: ScoredRows, evidence: ModelEvidence) -> None:
    import pyarrow.parquet as pq

    pq.write_table(evidence.table(test.table, test.schema), staged.path("predictions.parquet"))


def _decide(gates: tuple[Gate, ...] | list[Gate], evidence: ModelEvidence) -> list[dict[str, Any]]:
    decided = []
    for gate in gates:
        verdict = gate.decide(evidence)
        decided.append(
            {
                "name": f"{gate.kind} {getattr(gate, 'metric', '')}".strip(),
                "gate": gate.model_dump(mode="json"),
                "outcome": verdict.outcome,
                "passed": verdict.passed,
                "message": verdict.message,
            }
        )
    return decided
