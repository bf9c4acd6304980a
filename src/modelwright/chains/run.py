"""Several stages in a row, each skipped when nothing that it depends on has changed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from modelwright.core.errors import SpecError
from modelwright.core.progress import Progress
from modelwright.stages.job import Job, Result

# What has to be there before each stage. Tune is a branch: its best.yaml is a spec of its own.
WAYS: dict[str, tuple[str, ...]] = {
    "prepare": ("prepare",),
    "train": ("prepare", "train"),
    "tune": ("prepare", "tune"),
    "evaluate": ("prepare", "train", "evaluate"),
    "export": ("prepare", "train", "evaluate", "export"),
}


def run(job: Job, progress: Progress, *, to: str = "export", force: bool = False) -> Iterator[tuple[str, Result]]:
    """Yield each stage with its result as it ends; a failed gate ends the chain."""
    if to not in WAYS:
        raise SpecError(f"--to {to}: not a stage that a chain can end with", hint=f"one of {', '.join(WAYS)}")
    for stage in WAYS[to]:
        result = run_stage(stage, job, progress, force=force)
        yield stage, result
        if result.exit_code:
            return


def run_stage(stage: str, job: Job, progress: Progress, *, force: bool = False) -> Result:
    """Plan and run one stage, or answer from the run that already did it."""
    module: Any = import_module(f"modelwright.stages.{stage}")
    plan = module.plan(job)
    if plan.cached is not None and not force:
        cached: Result = module.result(plan.cached, cached=True)
        return cached
    done: Result = module.run(plan, progress)
    return done
