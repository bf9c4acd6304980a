"""Monitor: compare what is served now with what the model was proven on, and decide whether to retrain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Schema
from modelwright.core.errors import ALERT_RAISED, ArtifactError, SpecError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.runs.aliases import Aliases
from modelwright.runs.commit import begin
from modelwright.runs.identity import Input
from modelwright.stages import lineage
from modelwright.stages.incoming import reader_for
from modelwright.stages.job import Job, Plan, Result

if TYPE_CHECKING:
    from modelwright.parts.base import Reader
    from modelwright.runs.store import Run
    from modelwright.stages.current import Current

RESAMPLES = 500
EVERYTHING = "all rows"  # the window of data without times: such reports are told apart by their cache key alone


def plan(job: Job) -> Plan:
    """`options["data"]` names rows to look at instead of the prediction log."""
    bundle = lineage.bundle_run(job)
    export = bundle or _monitored(job)
    reader = _reader(job)
    section = {
        "task": job.spec.task.model_dump(mode="json"),
        "monitor": job.spec.monitor.model_dump(mode="json"),
        "evaluate": job.spec.evaluate.model_dump(mode="json", include={"metrics", "confidence"}),
        "prepare": job.spec.prepare.model_dump(mode="json"),  # it says how rows and labels are read and cleaned
    }
    inputs = [lineage.bundle_input(export) if bundle else lineage.run_input(export)]
    inputs += lineage.reader_inputs(job, reader) if reader else [_log_input(job)]
    labels = job.spec.monitor.labels
    if labels is not None:
        inputs += lineage.reader_inputs(job, labels.source, "labels")
    wanted = lineage.identity(job, "monitor", section, tuple(inputs))
    summary = {
        "model": export.label,
        "rows from": reader.kind if reader else str(_log_folder(job)),
        "labels": labels.source.kind if labels else None,
    }
    sources = {"export": export}
    if bundle is None and export.source("evaluate") is not None:
        sources["evaluate"] = lineage.source_of(job, export, "evaluate")
    return lineage.plan_of(job, wanted, sources, summary)


def run(plan: Plan, progress: Progress) -> Result:
    from modelwright.reports.monitor import monitor_report

    job = plan.job
    schema = Schema.from_dict(plan.sources["export"].read_json("schema.json"))
    with begin(job.store, plan.identity, spec_text=job.spec_text, threads=1) as staged:
        with TemporaryDirectory(dir=staged.folder) as scratch:
            current = _current(plan, schema, Path(scratch))
        progress.say(f"comparing {current.rows.num_rows:,} rows ({current.window}) with {plan.sources['export'].label}")
        drift, pictures = _drift(plan, schema, current)
        performance = _performance(plan, schema, current)
        decision = _decision(plan, drift["columns"], performance, current.window)
        facts = {
            "name": job.spec.name,
            "model": plan.sources["export"].label,
            "rows": current.rows.num_rows,
            "window": current.window,
            "drift": drift,
            "performance": performance,
            "decision": decision,
            "pictures": pictures,
        }
        staged.write_json("drift.json", {**drift, "rows": facts["rows"], "window": facts["window"]})
        staged.write_json("performance.json", performance)
        staged.write_json("decision.json", decision)
        staged.write_bytes("report.html", monitor_report(facts))
        done = staged.commit()
    return result(done)


def result(done: Run, *, cached: bool = False) -> Result:
    """What the command shows, from what the run holds; the same whether it ran now or before."""
    drift, decision = done.read_json("drift.json"), done.read_json("decision.json")
    performance = done.read_json("performance.json")
    changed = [column for column in drift["columns"] if column["status"] != "quiet"]
    summary = {
        "status": decision["status"],
        "rows": drift["rows"],
        "window": drift["window"],
        "changed": {column["column"]: f"{column['status']}, {column['effect']:.3f}" for column in changed},
        **({"skipped": drift["skipped"]} if drift.get("skipped") else {}),
        "performance": {
            name: f"{entry['status']}, {_shown(entry['current']['value'])}"
            for name, entry in performance["metrics"].items()
        },
        "reasons": decision["reasons"],
        "retrain": decision["retrain"],
        "why": decision["why"],
        "report": str(done.path / "report.html"),
    }
    alert = decision["status"] == "alert"
    return Result(done, summary, exit_code=ALERT_RAISED if alert else 0, cached=cached)


def _shown(score: float | None) -> str:
    return "undefined on these rows" if score is None else f"{score:.4g}"


def _monitored(job: Job) -> Run:
    """`--from export/vNNNN`, else the champion, else the newest export."""
    name = job.spec.name
    if job.source:
        return job.store.resolve(name, "export", job.source)
    version = Aliases(job.store, name).current().get("champion")
    newest = job.store.newest(name, "export") if version is None else job.store.open(name, "export", version)
    if newest is None:
        raise ArtifactError(f"{name} has no export to monitor yet", hint="run: modelwright export SPEC")
    return newest


def _reader(job: Job) -> Reader | None:
    data = job.options.get("data")
    if data:
        return reader_for(Path(data), job.spec.prepare.source)
    return job.spec.monitor.source


def _log_folder(job: Job) -> Path:
    log = job.spec.serve.log
    if log is None:
        raise SpecError(
            "monitor: there is nothing to look at",
            hint="set serve.log.folder (the prediction log) or monitor.source, or pass --data FILE",
        )
    return job.base / log.folder


def _log_input(job: Job) -> Input:
    """By what was logged, not by files: a server that stops seals and renames its own."""
    from modelwright.serving.log.reading_log import log_digest

    folder = _log_folder(job)
    return Input("log", folder.name, log_digest(folder))


def _current(plan: Plan, schema: Schema, scratch: Path) -> Current:
    from modelwright.serving.signature import Signature
    from modelwright.stages.current import from_log, from_rows, with_labels

    job, reader, export = plan.job, _reader(plan.job), plan.sources["export"]
    if reader is not None:
        current = from_rows(job, reader, schema, export.read_bytes("model.onnx"), scratch)
    else:
        outputs = Signature.from_dict(export.read_json("signature.json")).outputs
        window = job.spec.monitor.window
        current = from_log(_log_folder(job), schema, job.spec.task, outputs, export.version, window)
    labels = job.spec.monitor.labels
    if labels is None or current.truth is not None:
        return current
    return with_labels(current, job, labels, schema, scratch)


def _drift(plan: Plan, schema: Schema, current: Current) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from modelwright.fitting.drift import compare_with_profile, drift_tests
    from modelwright.fitting.drift_pictures import pictures
    from modelwright.tables.profiles import Profile

    monitor = plan.job.spec.monitor
    profile = Profile.from_dict(plan.sources["export"].read_json("profile.json"))
    inputs = [column.name for column in schema.of_role("input")]
    columns = [name for name in inputs if name in current.rows.column_names]
    found = compare_with_profile(
        current.rows, profile, columns, drift_tests(monitor.tests), alpha=monitor.alpha, effect=monitor.effect
    )
    drift = {
        "columns": [column.to_dict() for column in found],
        "alpha": monitor.alpha,
        "effect": monitor.effect,
        "reference_rows": profile.rows,
        "skipped": [name for name in inputs if name not in columns],
    }
    changed = [column.column for column in found if column.status != "quiet"]
    return drift, pictures(current.rows, profile, changed)


def _performance(plan: Plan, schema: Schema, current: Current) -> dict[str, Any]:
    """Metrics on the rows whose truth is known by now, beside those of evaluate."""
    from modelwright.fitting.decisions import rule_of
    from modelwright.fitting.performance import measured

    spec = plan.job.spec
    evaluated = plan.sources.get("evaluate")
    return measured(
        current.rows,
        current.scores,
        current.scored,
        current.truth,
        schema=schema,
        task=spec.task,
        metrics=spec.monitor.metrics or spec.evaluate.metrics,
        reference=evaluated.read_json("metrics.json")["metrics"] if evaluated else {},
        resamples=RESAMPLES,
        confidence=spec.evaluate.confidence,
        seed=child_seed(spec.seed, "monitor"),
        decision=rule_of(plan.sources["export"].read_json("signature.json").get("decision"), schema),
    )


def _decision(
    plan: Plan, columns: Sequence[Mapping[str, Any]], performance: Mapping[str, Any], window: str
) -> dict[str, Any]:
    from modelwright.fitting.drift import retrain_due, worst

    retrain = plan.job.spec.monitor.retrain
    status = worst(entry["status"] for entry in (*columns, *performance["metrics"].values()))
    reasons = [
        f"{column['column']} changed by {column['effect']:.2f} (at least {column['lower_bound']:.2f})"
        for column in columns
        if column["status"] == "alert"
    ]
    reasons += [
        f"{name} went from {entry['reference']['value']:.4g} to {entry['current']['value']:.4g}"
        for name, entry in performance["metrics"].items()
        if entry["status"] == "alert"
    ]
    history = [*_earlier(plan, window), status]
    due, why = retrain_due(history, retrain.model_dump() if retrain else None)
    return {"status": status, "reasons": reasons, "retrain": due, "why": why, "history": history}


def _earlier(plan: Plan, window: str) -> list[str]:
    """What earlier reports on this very version said, the oldest first; a window counts once, by its last report."""
    version = plan.sources["export"].label
    seen = {window, plan.identity.key}
    found = []
    for run in plan.job.store.runs(plan.job.spec.name, "monitor"):
        if version not in (run.source("export"), run.source("bundle")):
            continue
        names = {run.read_json("drift.json")["window"], run.manifest.key} - {EVERYTHING}
        if not names & seen:
            found.append(str(run.read_json("decision.json")["status"]))
        seen |= names
    return found[::-1]
