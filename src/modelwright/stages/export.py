"""Export: turn a trained run that passed its gates into a bundle that serves alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelwright.core.canonical import digest
from modelwright.core.columns import Schema
from modelwright.core.errors import ArtifactError, DataError
from modelwright.core.progress import Progress
from modelwright.core.units import format_bytes
from modelwright.runs.commit import begin
from modelwright.stages import lineage
from modelwright.stages.export_graph import allowed_difference, bundle_graph, precision_change
from modelwright.stages.export_packaging import lock_warnings, write_packaging
from modelwright.stages.job import Job, Plan, Result
from modelwright.stages.rivals import ROLE, rival_inputs, rivals_of

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.parts.base import Task
    from modelwright.runs.commit import Staged
    from modelwright.runs.store import Run
    from modelwright.serving.model import ServedModel
    from modelwright.serving.signature import Signature

GOLDEN_ROWS = 5
PARITY_ROWS = 2000
SINGLE_ROWS = 200  # asked one by one, as requests come


def plan(job: Job) -> Plan:
    """`options["ungated"]` exports without a passing evaluate, and the bundle says so."""
    train = lineage.train_run(job)
    ungated = bool(job.options.get("ungated"))
    sources = {"train": train, "prepare": lineage.source_of(job, train, "prepare")}
    evaluated = evaluate_run(job, train)
    if not ungated:
        _require_gates(job, train, evaluated)
    if evaluated is not None:
        sources["evaluate"] = evaluated
    section = {
        "task": job.spec.task.model_dump(mode="json"),
        "export": job.spec.export.model_dump(mode="json"),
        "ungated": ungated,
    }
    inputs = tuple(lineage.run_input(run) for run in sources.values())
    summary = {
        "model": train.label,
        "evaluate": evaluated.label if evaluated else None,
        "ungated": ungated,
        "container": job.spec.export.container.base if job.spec.export.container else None,
    }
    return lineage.plan_of(job, lineage.identity(job, "export", section, inputs), sources, summary)


def evaluate_run(job: Job, train: Run) -> Run | None:
    """The newest evaluate of that very model on its own test rows, with gates and rivals as they are now."""
    section = lineage.evaluate_section(job)
    rivals = {entry.role: entry.digest for entry in rival_inputs(rivals_of(job, train))}
    for run in job.store.runs(job.spec.name, "evaluate"):
        inputs = {entry.role: entry.digest for entry in run.manifest.inputs}
        same_model = inputs.get("train") == train.digest and "data" not in inputs
        same_rivals = {role: found for role, found in inputs.items() if role.startswith(ROLE)} == rivals
        if same_model and same_rivals and run.manifest.parts.get("spec") == digest(section):
            return run
    return None


def run(plan: Plan, progress: Progress) -> Result:
    from modelwright.serving.comparing import latency, resident_mb
    from modelwright.serving.protocols.openapi import document

    job, train, prepare = plan.job, plan.sources["train"], plan.sources["prepare"]
    trained = train.read_bytes("model.onnx")
    signature = _signature(plan, trained)
    graph = bundle_graph(plan, signature, trained)
    with begin(job.store, plan.identity, spec_text=job.spec_text, threads=1) as staged:
        test = _test_rows(prepare)
        resident = resident_mb()
        served = _served(signature, graph.model)
        staged.write_bytes("model.onnx", graph.model)
        staged.write_json("signature.json", signature.to_dict())
        staged.write_json("openapi.json", document(signature))
        staged.write_bytes("profile.json", prepare.read_bytes("profile.json"))
        staged.write_bytes("schema.json", prepare.read_bytes("schema.json"))
        staged.write_bytes("model.json", train.read_bytes("model.json"))
        _write_history(plan, staged)
        progress.say(f"comparing the bundle with {train.label} on {min(test.num_rows, PARITY_ROWS):,} test rows")
        changed = precision_change(plan, trained, graph, _labelled(test, job.spec.task))
        staged.write_json("parity.json", {**_parity(plan, served, test), "precision": changed})
        staged.write_json("smoke.json", _smoke(plan, served, test))
        staged.write_json("latency.json", latency(served, test, resident))
        staged.unhashed("latency.json")
        write_packaging(plan, staged, graph.model)
        if "evaluate" in plan.sources and "model_card.md" in plan.sources["evaluate"]:
            staged.write_bytes("model_card.md", plan.sources["evaluate"].read_bytes("model_card.md"))
        _check_size(plan, staged)
        done = staged.commit()
    return result(done)


def result(done: Run, *, cached: bool = False) -> Result:
    """What the command shows, from what the run holds; the same whether it ran now or before."""
    signature, parity = done.read_json("signature.json"), done.read_json("parity.json")
    batches = done.read_json("latency.json")["batches"]
    sizes = {name: output.bytes for name, output in done.manifest.outputs.items()}
    summary = {
        "model": done.source("train"),
        "inputs": len(signature["inputs"]),
        "ungated": signature["ungated"],
        "difference": parity["largest"],
        **_precision(parity["precision"]),
        "latency_us": {_rows(size): batches[size]["us"] for size in sorted(batches, key=int)},
        "bytes": sum(sizes.values()),
        "warnings": lock_warnings(done),
    }
    return Result(done, summary, cached=cached)


def _precision(changed: Mapping[str, Any] | None) -> dict[str, Any]:
    """What less precision changes, where it was asked for."""
    if changed is None:
        return {}
    metrics = {
        name: " → ".join(map(_digits, (sides["before"], sides["after"]))) for name, sides in changed["metrics"].items()
    }
    return {
        changed["precision"]: {"predictions": changed["largest"], "other labels": changed["other_labels"], **metrics}
    }


def _digits(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _rows(count: str) -> str:
    return f"{count} row{'' if count == '1' else 's'}"


def _require_gates(job: Job, train: Run, evaluated: Run | None) -> None:
    override = "or pass --ungated (recorded in the bundle)"
    if evaluated is None:
        raise ArtifactError(
            f"{train.label} has no evaluate run with the gates of this spec and the champion of now",
            hint=f"run: modelwright evaluate {job.spec_file or 'SPEC'}, {override}",
        )
    gates = evaluated.read_json("gates.json")
    if not gates["passed"]:
        failed = [gate for gate in gates["gates"] if not gate["passed"]]
        raise ArtifactError(
            f"{train.label} did not pass its gates in {evaluated.label}: "
            + "; ".join(f"{gate['name']}: {gate['message']}" for gate in failed),
            hint=f"train a better model, change the gates, {override}",
        )


def _signature(plan: Plan, model: bytes) -> Signature:
    from modelwright.graph.running import Scorer
    from modelwright.serving.signature import signature_of

    spec = plan.job.spec
    schema = Schema.from_dict(plan.sources["prepare"].read_json("schema.json"))
    scorer, told = Scorer(model), plan.sources["train"].read_json("model.json")
    return signature_of(
        schema,
        scorer.inputs,
        outputs=spec.task.outputs(schema, scorer.widths),
        name=spec.name,
        task=spec.task.kind,
        positive=getattr(spec.task, "positive", None),
        ungated=bool(plan.job.options.get("ungated")),
        contains_rows=told["contains_rows"],
        decision=told.get("decision"),
    )


def _served(signature: Signature, model: bytes) -> ServedModel:
    from modelwright.serving.model import ServedModel
    from modelwright.serving.settings import Limits

    return ServedModel(signature, model, version=0, limits=Limits())


def _test_rows(prepare: Run) -> pa.Table:
    """Rows that the model was not fitted on, where there are any."""
    import pyarrow.parquet as pq

    for split in ("test", "validation", "learn"):
        table = pq.read_table(prepare.file(f"{split}.parquet"))
        if table.num_rows:
            return table
    raise DataError(f"{prepare.label} holds no rows")


def _labelled(rows: pa.Table, task: Task) -> pa.Table:
    """The rows whose truth is known; all where nothing is predicted."""
    for name in task.targets if task.supervised else ():
        rows = rows.filter(rows[name].is_valid())
    return rows


def _parity(plan: Plan, served: ServedModel, test: pa.Table) -> dict[str, Any]:
    """The bundle against the fitted model, what was evaluated and single requests; relative to predictions above 1."""
    import pyarrow.parquet as pq

    from modelwright.serving.comparing import largest_prediction, request_difference, table_difference

    rows = test.slice(0, PARITY_ROWS)
    found = {"requests": request_difference(served, rows.slice(0, SINGLE_ROWS))}
    if "evaluate" in plan.sources:
        written = pq.read_table(plan.sources["evaluate"].file("predictions.parquet"))
        found["evaluate"] = table_difference(served, rows, written.slice(0, PARITY_ROWS))
    found["native"] = plan.sources["train"].read_json("parity.json")["largest"]
    size = max(1.0, largest_prediction(served, rows))
    found = {name: value / size for name, value in found.items()}
    largest, tolerance = max(found.values()), allowed_difference(plan)
    if not largest <= tolerance:
        worst = max(found, key=lambda name: found[name])
        raise ArtifactError(
            f"the bundle's graph differs by {largest:.3g} ({worst}); export.tolerance allows {tolerance:g}",
            hint="train again; or raise export.tolerance, if such a difference does not matter to you",
        )
    return {**found, "largest": largest, "tolerance": tolerance, "rows": rows.num_rows}


def _smoke(plan: Plan, served: ServedModel, test: pa.Table) -> dict[str, Any]:
    """Golden requests: real rows, the last with everything missing that may be."""
    from modelwright.serving.rows import accepted, json_rows
    from modelwright.serving.smoke import smoke

    inputs = served.signature.inputs
    rows = [row for row in json_rows(test.slice(0, PARITY_ROWS), inputs) if accepted(row, inputs)][:GOLDEN_ROWS]
    if not rows:
        raise DataError(
            f"no row of {plan.sources['prepare'].label} could be served: each lacks a value where learn lacked none",
            hint="say which columns may be missing: columns: {NAME: {nullable: true}}",
        )
    rows.append({**rows[0], **{field.name: None for field in inputs if field.nullable}})
    return smoke(served, rows, tolerance=plan.job.spec.export.tolerance)


def _write_history(plan: Plan, staged: Staged) -> None:
    """How to get the inputs that are made of a request's past, as SQL."""
    from modelwright.stages.history import bundle_history

    schema = Schema.from_dict(plan.sources["prepare"].read_json("schema.json"))
    history = bundle_history(schema, plan.job.spec.prepare)
    if history is not None:
        staged.write_bytes("history.sql", history.pop("sql").encode())
        staged.write_json("history.json", history)


def _check_size(plan: Plan, staged: Staged) -> None:
    size, allowed = sum(path.stat().st_size for path in staged.folder.rglob("*")), plan.job.spec.export.max_mb
    if size > allowed * 1e6:
        raise ArtifactError(
            f"the bundle has {format_bytes(size)}; export.max_mb allows {allowed:g} MB",
            hint="train a smaller model (fewer trees or leaves), or raise export.max_mb",
        )
