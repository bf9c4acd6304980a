"""Compare: the train runs of a name side by side. Only those judged by the same rows in the same way are ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import ArtifactError
from modelwright.runs.environment import recorded_environment
from modelwright.stages.compared_run import ComparedRun, compared_run
from modelwright.stages.job import Job

if TYPE_CHECKING:
    from modelwright.runs.store import Run

NEWEST = 20  # how many runs are looked at


@dataclass(frozen=True)
class Standing:
    """A run's line. `score` and `behind` are intervals; `behind` is paired, and above 0 where the best is better."""

    run: str
    path: str
    made_at: str | None
    model: str
    data: str | None  # the prepare run
    data_digest: str
    validation: dict[str, Any]
    scored_on: str
    score: dict[str, Any] | None  # without predictions that can be scored again: the value alone
    behind: dict[str, Any] | None  # the best run's is None, as is that of a run whose predictions are not at hand
    rank: int | None
    not_ranked_because: str | None
    fit_s: float | None
    predict_row_s: float | None
    bytes: int


@dataclass(frozen=True)
class Leaderboard:
    """The ranked runs, the best first, then those that can't be ranked among them, the newest first."""

    name: str
    metric: str
    direction: str
    reference: str | None  # the run whose data and validation the ranked ones share; None: none does the spec's task
    runs: tuple[Standing, ...]
    left_out: int  # runs beyond the limit


def compare(job: Job, *, limit: int = NEWEST, measure: bool = False) -> Leaderboard:
    """Reads only. ArtifactError where there is no run; `measure`: also how long each graph takes a row."""
    from modelwright.fitting.scoring import deciding_metric

    metric = deciding_metric(job.spec.task)
    looked_at = _newest(job, limit)
    found = _readable(job, looked_at)
    reference = _reference(job, found)
    reasons = {one.run.label: _not_ranked(job, one, reference) for one in found}
    ranked = [one for one in found if reasons[one.run.label] is None]
    ranked.sort(key=lambda one: one.value if metric.direction == "lower" else -one.value)
    others = [one for one in found if reasons[one.run.label] is not None]
    behind = _behind(job, ranked)
    standings = [
        replace(_standing(one, measure=measure), rank=place + 1, behind=behind.get(one.run.label))
        for place, one in enumerate(ranked)
    ]
    standings += [replace(_standing(one, measure=measure), not_ranked_because=reasons[one.run.label]) for one in others]
    return Leaderboard(
        job.spec.name,
        metric.kind,
        metric.direction,
        None if reference is None else reference.run.label,
        tuple(standings),
        len(job.store.versions(job.spec.name, "train")) - len(looked_at),
    )


def _newest(job: Job, limit: int) -> list[Run]:
    """The newest first, then the one that `--from` names if it is older."""
    runs = list(islice(job.store.runs(job.spec.name, "train"), limit))
    if job.source and not job.source.startswith("prepare/"):
        named = job.store.resolve(job.spec.name, "train", job.source)
        if named.version not in {run.version for run in runs}:
            runs.append(named)
    return runs


def _readable(job: Job, runs: Sequence[Run]) -> list[ComparedRun]:
    """A damaged run is passed over with a warning. ArtifactError when none is left."""
    name, store = job.spec.name, job.store
    found = []
    for run in runs:
        try:
            found.append(compared_run(job, run))
        except ArtifactError as error:
            store.warnings.append(f"{run.label} was passed over: {error.problems[0]}")
    if not found:
        any_yet = bool(store.versions(name, "train"))
        raise ArtifactError(
            f"{name} has no train run {'that can be read' if any_yet else 'yet'}, so there is nothing to compare",
            hint=f"run: modelwright train {job.spec_file or 'SPEC'}",
        )
    return found


def _reference(job: Job, found: Sequence[ComparedRun]) -> ComparedRun | None:
    """The run that `--from` names; else the newest that does what this spec says, or as much of it as any does."""
    able = [one for one in found if one.task == job.spec.task.model_dump(mode="json", exclude={"metric"})]
    if job.source:
        able = [one for one in able if _is_named(job, one)]
        if not able:
            raise ArtifactError(
                f"no train run of {job.spec.name} with the task of this spec is, or was made from, {job.source}",
                hint="modelwright runs list --stage train shows the runs there are",
            )
    prepare, validation = (section.model_dump(mode="json") for section in (job.spec.prepare, job.spec.train.validation))
    return max(able, key=lambda one: (one.prepare_section == prepare, one.validation == validation), default=None)


def _is_named(job: Job, one: ComparedRun) -> bool:
    source = job.source or ""
    if source.startswith("prepare/"):
        named = job.store.resolve(job.spec.name, "prepare", source)
        return one.prepare is not None and one.prepare.label == named.label
    return one.run.label == job.store.resolve(job.spec.name, "train", source).label


def _not_ranked(job: Job, one: ComparedRun, reference: ComparedRun | None) -> str | None:
    """Why its score says nothing beside that of `reference`."""
    if reference is None or one.task != reference.task:
        return f"another task: {one.said}"
    reasons = []
    if one.data_digest != reference.data_digest:
        reasons.append(f"other data: {one.run.source('prepare')}")
    if one.validation != reference.validation:
        kind, wanted = one.validation.get("kind"), reference.validation.get("kind")
        reasons.append(f"validation {kind}, not {wanted}" if kind != wanted else f"{kind} with other settings")
    if not reasons and None not in (rows := {one.rows_digest, reference.rows_digest}) and len(rows) > 1:
        reasons.append("other rows were predicted")
    if not reasons and one.score is None:
        reasons.append("its predictions have no score")
    return "; ".join(reasons) or None


def _behind(job: Job, ranked: Sequence[ComparedRun]) -> dict[str, dict[str, Any]]:
    """By how much the best run is better than each other, both on the same drawn rows."""
    from modelwright.fitting.recorded import behind
    from modelwright.fitting.scoring import deciding_metric

    if len(ranked) < 2 or (best := ranked[0].predictions()) is None:
        return {}
    metric = deciding_metric(job.spec.task)
    others = ((one.run.label, one.predictions()) for one in ranked[1:])
    return {label: behind(metric, said, best).to_dict() for label, said in others if said is not None}


def _standing(one: ComparedRun, *, measure: bool) -> Standing:
    environment = recorded_environment(one.run.path)
    return Standing(
        run=one.run.label,
        path=str(one.run.path),
        made_at=environment.get("started_at"),
        model=one.model,
        data=one.run.source("prepare"),
        data_digest=one.data_digest,
        validation=one.validation,
        scored_on=one.scored_on,
        score=one.score,
        behind=None,
        rank=None,
        not_ranked_because=None,
        fit_s=environment.get("durations_s", {}).get("fit"),
        predict_row_s=one.predict_row_s() if measure else None,
        bytes=one.run.manifest.outputs["model.onnx"].bytes,
    )
