"""Tune: search the settings of a model by its score on validation rows; write the best as a spec that train takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import SpecError
from modelwright.core.progress import Progress
from modelwright.core.threads import available_threads
from modelwright.parts.base import Model
from modelwright.parts.space import dimension
from modelwright.runs.commit import begin
from modelwright.stages import lineage
from modelwright.stages.job import Job, Plan, Result

if TYPE_CHECKING:
    from modelwright.fitting.prepared import Prepared
    from modelwright.fitting.search import Found, Objective, Space, Trial
    from modelwright.runs.commit import Staged
    from modelwright.runs.store import Run

PREFIX = "model."


def plan(job: Job) -> Plan:
    prepare, model = lineage.prepare_run(job), tuned_model(job)
    space = search_space(job, model)
    section = {
        "task": job.spec.task.model_dump(mode="json"),
        "tune": job.spec.tune.model_dump(mode="json", exclude={"model", "validation", "space"}),
        "model": model.model_dump(mode="json"),
        "space": {name: found.model_dump(mode="json") for name, found in space.items()},
        "validation": job.spec.tune.validation.model_dump(mode="json"),
    }
    wanted = lineage.identity(job, "tune", section, (lineage.run_input(prepare),))
    summary = {
        "data": prepare.label,
        "model": model.kind,
        "space": list(space),
        "sampler": job.spec.tune.sampler.kind,
        "trials": job.spec.tune.trials,
    }
    return lineage.plan_of(job, wanted, {"prepare": prepare}, summary)


def tuned_model(job: Job) -> Model:
    """`tune.model` (by default that of train); of a portfolio, its first candidate that has settings to search."""
    model, task = job.spec.tune.model, job.spec.task.of_models
    if job.spec.tune.space or model.search_space:
        return model
    found = next((candidate for candidate in model.candidates(task) if candidate.search_space), None)
    if found is None:
        raise SpecError(
            f"tune.model: {model.kind} has no settings to search",
            where=str(job.spec_file or ""),
            hint="name a model, such as {kind: lightgbm}, or say what to search under tune.space",
        )
    return found


def search_space(job: Job, model: Model) -> Space:
    """`tune.space`, or what the model suggests; by the name of the model's own key."""
    written = job.spec.tune.space or {PREFIX + name: dimension(found) for name, found in model.search_space.items()}
    return {name.removeprefix(PREFIX): found for name, found in written.items()}


def run(plan: Plan, progress: Progress) -> Result:
    from modelwright.fitting.prepared import read_prepared
    from modelwright.fitting.scoring import deciding_metric
    from modelwright.fitting.search import search

    job, tune = plan.job, plan.job.spec.tune
    model = tuned_model(job)
    threads = available_threads()
    database = job.store.folder(job.spec.name, "tune") / f".study-{plan.identity.key[:16]}.db"
    with begin(job.store, plan.identity, spec_text=job.spec_text, threads=threads) as staged:
        data = read_prepared(job.spec.task, plan.sources["prepare"])
        metric = deciding_metric(job.spec.task)
        with progress.track(f"{tune.trials} trials", tune.trials) as advance:

            def on_trial(trial: Trial) -> None:
                shown = trial.error if trial.score is None else f"{metric.kind} {trial.score:.5g}"
                progress.say(f"trial {trial.number}: {shown}")
                advance(1)

            found = search(
                _objective(job, data, model, threads),
                search_space(job, model),
                tune.sampler,
                database=database,
                direction=metric.direction,
                trials=tune.trials,
                timeout_s=tune.timeout_s,
                defaults=model.model_dump(),
                seed=job.spec.seed,
                on_trial=on_trial,
            )
        shutil.copyfile(database, staged.path("study.db"))
        staged.unhashed("study.db")
        _write_results(plan, staged, model, found, metric.kind, metric.direction)
        done = staged.commit()
    database.unlink()
    return result(done)


def result(done: Run, *, cached: bool = False) -> Result:
    """What the command shows, from what the run holds; the same whether it ran now or before."""
    best = done.read_json("best.json")
    first = ("metric", "score", "first_score", "trials", "stopped", "model", "parameters")
    summary = {
        **{name: best[name] for name in first},
        "best_spec": str(done.path / "best.yaml"),
        "report": str(done.path / "report.html"),
    }
    return Result(done, summary, cached=cached)


def _objective(job: Job, data: Prepared, model: Model, threads: int) -> Objective:
    """Fit as train would, and score what was not fitted on."""
    from modelwright.core.progress import Silent
    from modelwright.fitting import scoring, training
    from modelwright.fitting.several_targets import train_each

    metric = scoring.deciding_metric(job.spec.task)

    def score(parameters: Mapping[str, Any]) -> float:
        recipe = training.Recipe(_with(model, parameters), job.spec.tune.validation, "none", job.spec.seed, threads)
        if data.task.of_each(data.schema):
            trained = train_each(data, recipe, training.train, Silent())
        else:
            trained = training.train(data, recipe, Silent())
        return scoring.finite_score(metric, training.judged(data, trained))

    return score


def _with(model: Model, parameters: Mapping[str, Any]) -> Model:
    return type(model).model_validate({**model.model_dump(), **parameters})


def _write_results(plan: Plan, staged: Staged, model: Model, found: Found, metric: str, direction: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from modelwright.reports.tune import tune_report

    trials: list[dict[str, Any]] = [
        {"number": trial.number, "parameters": dict(trial.parameters), "score": trial.score, "error": trial.error}
        for trial in found.trials
    ]
    facts = {
        "name": plan.job.spec.name,
        "model": model.kind,
        "metric": metric,
        "direction": direction,
        "trials": trials,
        "best": trials[found.best.number],
        "first": trials[0],
        "stopped": found.stopped,
        "rows": plan.job.spec.tune.validation.scored,
    }
    columns: dict[str, list[Any]] = {
        "number": [trial["number"] for trial in trials],
        **{name: [trial["parameters"].get(name) for trial in trials] for name in found.best.parameters},
        metric: [trial["score"] for trial in trials],
        "error": [trial["error"] for trial in trials],
    }
    arrays = {name: pa.array(values, pa.string() if name == "error" else None) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), staged.path("trials.parquet"))
    best = {
        "model": model.kind,
        "metric": metric,
        "score": found.best.score,
        "parameters": dict(found.best.parameters),
        "first_score": trials[0]["score"],
        "trials": len(trials),
        "stopped": found.stopped,
    }
    staged.write_json("best.json", best)
    staged.write_bytes("best.yaml", _best_spec(plan, _with(model, found.best.parameters), staged).encode())
    staged.write_bytes("report.html", tune_report(facts))


def _best_spec(plan: Plan, model: Model, staged: Staged) -> str:
    """The resolved spec with the best settings under train.model, its paths as seen from the run's folder."""
    from modelwright.spec.moving import moved_spec

    place = staged.folder.with_name("vNNNN")  # any version lies as deep as any other
    return moved_spec(
        plan.job.spec_text,
        old_base=plan.job.base,
        new_base=Path(os.path.abspath(place)),  # noqa: PTH100  # lexical: resolve() would follow links
        train_model=model.model_dump(mode="json", exclude_defaults=True) | {"kind": model.kind},
    )
