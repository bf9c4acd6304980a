"""Train: fit the model on prepared rows, find out how good it is on others, compile it with its features."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.progress import Progress
from modelwright.core.threads import available_threads
from modelwright.core.units import format_number
from modelwright.runs.commit import begin
from modelwright.stages import lineage
from modelwright.stages.job import Job, Plan, Result, deciding_first

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.fitting.prepared import Prepared
    from modelwright.fitting.training import Recipe, Trained
    from modelwright.runs.commit import Staged
    from modelwright.runs.store import Run


def plan(job: Job) -> Plan:
    prepare = lineage.prepare_run(job)
    section = job.spec.train
    summary = {
        "data": prepare.label,
        "model": section.model.model_dump(mode="json", exclude_defaults=True) | {"kind": section.model.kind},
        "validation": section.validation.model_dump(mode="json"),
        "refit": section.refit,
    }
    return lineage.plan_of(job, lineage.train_identity(job, prepare), {"prepare": prepare}, summary)


def run(plan: Plan, progress: Progress) -> Result:
    from modelwright.fitting.agreement import agreement
    from modelwright.fitting.fit import compile_model
    from modelwright.fitting.prepared import read_prepared

    threads = available_threads()
    with begin(plan.job.store, plan.identity, spec_text=plan.job.spec_text, threads=threads) as staged:
        data, recipe = read_prepared(plan.job.spec.task, plan.sources["prepare"]), _recipe(plan.job, threads)
        count = len(data.features.features)
        shape = f"{data.learn.num_rows:,} rows and {count:,} feature{'' if count == 1 else 's'}"
        _warn(plan.job, data, recipe, progress)
        started = time.monotonic()
        with progress.track(f"fitting {recipe.model.kind} on {shape}"):
            trained = _trained(data, recipe, progress)
        staged.timing("fit", time.monotonic() - started)
        for what, seconds in trained.durations_s.items():
            staged.timing(what, seconds)
        model = compile_model(trained.features.model, trained.fitted, data.task, data.schema)
        staged.write_bytes("model.onnx", model)
        staged.write_json("parity.json", agreement(model, trained.features, trained.fitted, trained.judged))
        trained.fitted.save_native(staged.folder / "weights")
        scores = _scores(data, trained)
        _write_results(staged, data, recipe, trained, scores)
        told = ", ".join(f"{name} {format_number(value)}" for name, value in scores["scores"].items())
        progress.say(f"on {scores['scored_on']}: {told}")
        done = staged.commit()
    return result(done)


def result(done: Run, *, cached: bool = False) -> Result:
    """What the command shows, from what the run holds; the same whether it ran now or before."""
    model, scores = done.read_json("model.json"), done.read_json("scores.json")
    summary = {
        "model": model["kind"],
        "scores": deciding_first(scores["scores"], scores["metric"]),
        "scored_on": scores["scored_on"],
        "features": len(model["features"]),
        "bytes": done.manifest.outputs["model.onnx"].bytes,
    }
    return Result(done, summary, cached=cached)


def _trained(data: Prepared, recipe: Recipe, progress: Progress) -> Trained:
    from modelwright.fitting.auto import choose
    from modelwright.fitting.training import train

    candidates = recipe.model.candidates(data.task.kind)
    if candidates == (recipe.model,):
        return train(data, recipe, progress)
    return choose(data, recipe, candidates, progress)


def _recipe(job: Job, threads: int) -> Recipe:
    from modelwright.fitting.training import Recipe

    section = job.spec.train
    return Recipe(section.model, section.validation, section.refit, job.spec.seed, threads)


def _warn(job: Job, data: Prepared, recipe: Recipe, progress: Progress) -> None:
    """What may surprise in how the scores come about."""
    if recipe.validation.at_random and getattr(job.spec.prepare.split, "kind", None) == "time":
        progress.say(
            "warning: the split is by time, but folds are drawn at random, so scores may flatter the model; "
            "validation: {kind: time_series} keeps to the order of time"
        )
    if data.features.supervised and not recipe.validation.strict and recipe.validation.kind != "holdout":
        progress.say("feature steps use the target, so each fold fits all of them again")


def _scores(data: Prepared, trained: Trained) -> dict[str, Any]:
    """`scores.json`: every default metric on rows that the scored models were not fitted on."""
    from modelwright.fitting import scoring

    predictions = scoring.of_scores(data.task, data.schema, trained.judged, trained.scores)
    metrics = scoring.default_metrics(data.task)
    return {
        "metric": metrics[0].kind,
        "scored_on": trained.chosen_by["scores"],
        "rows": len(predictions),
        "scores": {metric.kind: scoring.point_score(metric, predictions) for metric in metrics},
        "chosen_by": dict(trained.chosen_by),
    }


def _write_results(staged: Staged, data: Prepared, recipe: Recipe, trained: Trained, scores: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    parameters = trained.model.model_dump(mode="json", exclude={"kind"})
    staged.write_json("scores.json", scores)
    staged.write_json("model.json", {
        "kind": trained.name or trained.model.kind,
        "asked_for": recipe.model.kind,
        "parameters": parameters,
        "notes": dict(trained.fitted.notes),
        "features": [feature.name for feature in trained.features.features],
        "feature_notes": list(trained.features.notes),
        "inputs": list(trained.features.inputs),
        "importance": trained.fitted.importance,
        "contains_rows": _contains_rows(trained),
        "search": dict(trained.search),
    })  # fmt: skip
    alone = {"rank": 1, "model": trained.model.kind, "parameters": parameters, **scores["scores"]}
    staged.write_json("leaderboard.json", [dict(row) for row in trained.leaderboard] or [alone])
    pq.write_table(_predictions(data, trained), staged.path("predictions.parquet"))
    pq.write_table(pa.table({ROW_DIGEST: trained.fitted_rows}), staged.path("fitted_rows.parquet"))
    names = sorted({key for step in trained.curve for key in step}) or ["iteration", "validation"]
    curve = {name: pa.array([step.get(name) for step in trained.curve], pa.float64()) for name in names}
    pq.write_table(pa.table(curve), staged.path("curve.parquet"))


def _contains_rows(trained: Trained) -> bool:
    """Whether rows of learn are in the graph; a model of several says so in its notes."""
    told = trained.fitted.notes.get("contains_rows", False)
    return bool(told) or trained.model.contains_rows or trained.features.contains_rows


def _predictions(data: Prepared, trained: Trained) -> pa.Table:
    """Who the row is, what is true, what a model that was not fitted on it said."""
    import numpy as np
    import pyarrow as pa

    rows = trained.judged
    columns = {ROW_DIGEST: rows.column(ROW_DIGEST)}
    columns |= {column.name: rows.column(column.name) for column in data.schema.of_role("id", "time", "entity")}
    columns["truth"] = rows.column(data.task.target)
    if not data.task.classification:
        columns["prediction"] = pa.array(trained.scores)
        return pa.table(columns)
    classes = data.schema.classes or ()
    columns["prediction"] = pa.array(list(classes)).take(pa.array(np.argmax(trained.scores, axis=1)))
    for code, label in enumerate(classes):
        columns[f"probability_{label}"] = pa.array(np.ascontiguousarray(trained.scores[:, code]))
    return pa.table(columns)
