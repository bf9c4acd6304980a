"""Which run feeds which stage: identities (what a cache key is made of) and the default input of every stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.canonical import digest
from modelwright.core.errors import ArtifactError
from modelwright.runs.aliases import Aliases
from modelwright.runs.digests import file_digest, file_digests
from modelwright.runs.identity import Identity, Input
from modelwright.stages.contract import contract_file
from modelwright.stages.job import Job, Plan

if TYPE_CHECKING:
    from modelwright.parts.base import Reader
    from modelwright.runs.store import Run

UNKNOWN = "unknown"  # the digest of data that nothing stands for


def reader_inputs(job: Job, reader: Reader, role: str = "data") -> tuple[Input, ...]:
    """The reader's files with their digests, named by file name (a moved folder is the same data), and its fingerprint.

    Data that nothing stands for is an input of unknown digest: `plan_of` then never says that a run did it already.
    """
    paths = reader.inputs(job.base)
    files = [
        Input(role, path.name, sha256) for path, sha256 in zip(paths, file_digests(paths, job.store.root), strict=True)
    ]
    found = reader.fingerprint(job.base)
    if found is None:
        return (*files, Input(role, reader.kind, UNKNOWN))
    return (*files, *(Input(role, name, digest([name, value])) for name, value in sorted(found.items())))


def file_input(job: Job, path: Path, role: str) -> Input:
    return Input(role, path.name, file_digest(path, job.store.root))


def prepare_identity(job: Job) -> Identity:
    task = job.spec.task.model_dump(mode="json", exclude={"metric", "quantiles"})
    section: dict[str, Any] = {"task": task, "prepare": job.spec.prepare.model_dump(mode="json")}
    inputs = reader_inputs(job, job.spec.prepare.source)
    if job.spec.prepare.split is not None and job.spec.prepare.split.by_file_name:
        section["files"] = [entry.name for entry in inputs]  # elsewhere a renamed file is the same data
    return identity(job, "prepare", section, inputs + _beside_the_source(job))


def _beside_the_source(job: Job) -> tuple[Input, ...]:
    """What cleaners and checks read of their own, and the pinned contract."""
    pinned = contract_file(job)
    inputs = [file_input(job, pinned, "contract")] if pinned else []
    for cleaner in job.spec.prepare.clean:
        inputs += [file_input(job, path, "code") for path in cleaner.files(job.base)]
    for check in job.spec.prepare.checks:
        for reader in check.sources():
            inputs += reader_inputs(job, reader, "reference")
    return tuple(inputs)


def train_identity(job: Job, prepare: Run) -> Identity:
    section = {"task": _task(job), "train": job.spec.train.model_dump(mode="json")}
    files = tuple(file_input(job, path, "model") for path in job.spec.train.model.files(job.base))
    start = start_run(job)
    earlier = () if start is None else (Input("start", start.label, start.digest),)
    return identity(job, "train", section, (run_input(prepare), *files, *earlier))


def start_run(job: Job) -> Run | None:
    """The train run whose weights `train.warm_start` continues; None: there is none (yet)."""
    named = job.spec.train.warm_start
    if named is None:
        return None
    if named.startswith("train/"):
        return job.store.resolve(job.spec.name, "train", named)
    version = Aliases(job.store, job.spec.name).current().get(named)
    return None if version is None else source_of(job, job.store.open(job.spec.name, "export", version), "train")


def evaluate_section(job: Job) -> dict[str, Any]:
    """What an evaluate run depends on beside its inputs; export looks for a run with this very section."""
    return {"task": _task(job), "evaluate": job.spec.evaluate.model_dump(mode="json")}


def bundle_run(job: Job) -> Run | None:
    """`--bundle DIR`: an exported run, wherever it was copied to."""
    folder = job.options.get("bundle")
    if not folder:
        return None
    from modelwright.serving.bundle import open_bundle

    return open_bundle(Path(folder)).run


def bundle_input(run: Run) -> Input:
    """Not in the role of a stage: the runs that the bundle was made from may lie elsewhere."""
    return Input("bundle", run.label, run.digest)


def identity(job: Job, stage: str, section: Mapping[str, Any], inputs: tuple[Input, ...]) -> Identity:
    return Identity(job.spec.name, stage, section, inputs, job.spec.seed)


def run_input(run: Run) -> Input:
    return Input(run.stage, run.label, run.digest)


def prepare_run(job: Job) -> Run:
    """The prepared data of this very spec, or of `--from`."""
    if job.source:
        return job.store.resolve(job.spec.name, "prepare", job.source)
    return _matching(job, prepare_identity(job))


def train_run(job: Job) -> Run:
    """The model of this very spec, or of `--from`."""
    if job.source and not job.source.startswith("prepare/"):
        return job.store.resolve(job.spec.name, "train", job.source)
    return _matching(job, train_identity(job, prepare_run(job)))


def source_of(job: Job, run: Run, stage: str) -> Run:
    """The run of `stage` that `run` was made from, by its manifest; ArtifactError when it is gone or another one."""
    made_from = next((entry for entry in run.manifest.inputs if entry.role == stage), None)
    if made_from is None:
        raise ArtifactError(f"{run.label} names no {stage} run among its inputs")
    found = job.store.resolve(run.name, stage, made_from.name)
    if found.digest != made_from.digest:
        raise ArtifactError(
            f"{found.label} is not the run that {run.label} was made from: that one was removed, and its number taken",
            hint=f"make {run.stage} again",
        )
    return found


def plan_of(job: Job, identity: Identity, sources: Mapping[str, Run], summary: Mapping[str, Any]) -> Plan:
    """A plan, with the run that already did it; none where what it reads may have changed without a trace."""
    known = all(entry.digest != UNKNOWN for entry in identity.inputs)
    cached = job.store.find(identity.name, identity.stage, identity.key) if known else None
    return Plan(job, identity, sources, cached, summary)


def _matching(job: Job, wanted: Identity) -> Run:
    found = job.store.find(wanted.name, wanted.stage, wanted.key)
    if found is not None:
        return found
    newest = job.store.newest(wanted.name, wanted.stage)
    spec = job.spec_file or "SPEC"
    if newest is None:
        raise ArtifactError(
            f"{wanted.name} has no {wanted.stage} run yet",
            hint=f"run: modelwright {wanted.stage} {spec}",
        )
    raise ArtifactError(
        f"no {wanted.stage} run of {wanted.name} matches this spec",
        hint=f"{_changed(wanted, newest)} changed since {newest.label}; "
        f"run modelwright {wanted.stage} {spec}, or pass --from {newest.label}",
    )


def _changed(wanted: Identity, newest: Run) -> str:
    """`data and code`, in words."""
    words = {"spec": f"the {wanted.stage} section of the spec", "inputs": "what it reads", "code": "modelwright itself"}
    changed = [words.get(part, part) for part in wanted.changed_since(newest.manifest.parts)]
    return " and ".join(changed) or "its files"


def _task(job: Job) -> dict[str, Any]:
    written: dict[str, Any] = job.spec.task.model_dump(mode="json")
    return written
