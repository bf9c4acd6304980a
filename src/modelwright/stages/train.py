"""Train: fit the model on prepared rows, find out how good it is on others, compile it with its features."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.memory import plain_arrow_pool
from modelwright.core.progress import Progress
from modelwright.core.threads import available_threads
from modelwright.core.units import format_number
from modelwright.runs.commit import begin
from modelwright.stages import lineage
from modelwright.stages.job import Job, Plan, Result, deciding_first
from modelwright.stages.train_results import in_words, scores_of, write_results
from modelwright.stages.warm_start import continued, depending_on

if TYPE_CHECKING:
    from modelwright.fitting.prepared import Prepared
    from modelwright.fitting.training import Recipe, Trained
    from modelwright.runs.store import Run
    from modelwright.spec.train import Train

CHECKPOINTS = ".checkpoints"  # beside the versions: a training that was killed goes on from there when it is run again


def plan(job: Job) -> Plan:
    prepare = lineage.prepare_run(job)
    section = job.spec.train
    summary = {
        "data": prepare.label,
        "model": section.model.model_dump(mode="json", exclude_defaults=True) | {"kind": section.model.kind},
        "validation": section.validation.model_dump(mode="json"),
        "refit": section.refit,
        **_around(section),
    }
    sources, start = {"prepare": prepare}, lineage.start_run(job)
    if section.warm_start is not None:
        summary["warm_start"] = f"{section.warm_start}: none yet" if start is None else start.label
    if start is not None:
        sources["start"] = start
    return lineage.plan_of(job, lineage.train_identity(job, prepare), sources, summary)


def _around(section: Train) -> dict[str, Any]:
    """What is asked for around the fit."""
    decision = section.decision and section.decision.model_dump(mode="json", exclude_none=True)
    found = {"calibration": section.calibration, "decision": decision}
    return {key: value for key, value in found.items() if value is not None}


def run(plan: Plan, progress: Progress) -> Result:
    plain_arrow_pool()
    from modelwright.fitting.agreement import agreement
    from modelwright.fitting.decisions import check_decision
    from modelwright.fitting.fit import compile_model
    from modelwright.fitting.prepared import read_prepared

    threads = available_threads()
    with begin(plan.job.store, plan.identity, spec_text=plan.job.spec_text, threads=threads) as staged:
        checkpoints = staged.folder.with_name(CHECKPOINTS)
        data = read_prepared(plan.job.spec.task, plan.sources["prepare"])
        recipe = _recipe(plan.job, threads, checkpoints)
        start = plan.sources.get("start")
        if start is not None:
            data, recipe = continued(plan.job, start, data, recipe)
            progress.say(f"continuing {start.label}, with its feature steps")
        elif plan.job.spec.train.warm_start is not None:
            progress.say(f"nothing is {plan.job.spec.train.warm_start} yet, so it is fitted from nothing")
        count = len(data.features.features)
        shape = f"{data.learn.num_rows:,} rows and {count:,} feature{'' if count == 1 else 's'}"
        if plan.job.spec.train.decision is not None:
            check_decision(data.task, data.schema, plan.job.spec.train.decision.costs)
        _warn(plan.job, data, recipe, progress)
        started = time.monotonic()
        with progress.track(f"fitting {recipe.model.kind} on {shape}"):
            trained = _trained(data, recipe, progress)
        staged.timing("fit", time.monotonic() - started)
        for what, seconds in trained.durations_s.items():
            staged.timing(what, seconds)
        trained = _finished(plan.job, data, recipe, trained, progress)
        if start is not None:
            trained = depending_on(trained, start)
        model = compile_model(trained.features.model, trained.fitted, data.task, data.schema, trained.decision)
        staged.write_bytes("model.onnx", model)
        staged.write_json("parity.json", agreement(model, trained.features, trained.fitted, data.task, trained.judged))
        trained.fitted.save_native(staged.folder / "weights")
        scores = scores_of(data, trained)
        write_results(staged, data, recipe, trained, scores)
        told = ", ".join(f"{name} {format_number(value)}" for name, value in scores["scores"].items())
        progress.say(f"on {scores['scored_on']}: {told}")
        done = staged.commit()
        shutil.rmtree(checkpoints, ignore_errors=True)
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
    from modelwright.fitting.several_targets import train_each
    from modelwright.fitting.training import train

    if data.task.of_each(data.schema):
        return train_each(data, recipe, _trained, progress)
    candidates = recipe.model.candidates(data.task.of_models)
    if candidates == (recipe.model,):
        return train(replace(data), recipe, progress)  # a copy: the matrices it makes go when it is done
    return choose(data, recipe, candidates, progress)


def _finished(job: Job, data: Prepared, recipe: Recipe, trained: Trained, progress: Progress) -> Trained:
    """Probabilities calibrated and labels decided, where the spec says so."""
    from modelwright.fitting.decisions import with_decision
    from modelwright.fitting.recalibration import calibrated

    if recipe.calibration is not None:
        trained = calibrated(data, trained, recipe.calibration, recipe.seed)
    if job.spec.train.decision is not None:
        trained = with_decision(data, trained, **job.spec.train.decision.model_dump())
    if job.spec.train.learning_curve:
        from modelwright.fitting.learning_curve import learning_curve

        curve = learning_curve(data, recipe, trained, progress)
        trained = replace(trained, told={**trained.told, "learning_curve": curve})
    for line in in_words(trained.told):
        progress.say(line)
    return trained


def _recipe(job: Job, threads: int, checkpoints: Path) -> Recipe:
    from modelwright.fitting.training import Recipe

    section = job.spec.train
    model = section.model.at(job.base)
    calibration, seed = section.calibration, job.spec.seed
    return Recipe(model, section.validation, section.refit, seed, threads, calibration, checkpoints)


def _warn(job: Job, data: Prepared, recipe: Recipe, progress: Progress) -> None:
    """What may surprise in how the scores come about."""
    if recipe.validation.at_random and getattr(job.spec.prepare.split, "kind", None) == "time":
        progress.say(
            "warning: the split is by time, but folds are drawn at random, so scores may flatter the model; "
            "validation: {kind: time_series} keeps to the order of time"
        )
    if data.features.supervised and not recipe.validation.strict and recipe.validation.kind != "holdout":
        progress.say("feature steps use the target, so each fold fits all of them again")
