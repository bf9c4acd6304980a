"""`modelwright plan`: what each stage would do now, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelwright.cli.options import DEFAULT_RUNS, Json, Overrides, Runs, SpecFile

if TYPE_CHECKING:
    from modelwright.stages.job import Job

STAGES = ("prepare", "train", "tune", "evaluate", "export")


def plan(spec: SpecFile, overrides: Overrides = None, runs: Runs = DEFAULT_RUNS, json: Json = False) -> None:
    """Show for each stage whether it is done already or would run, and on what."""
    from modelwright.cli.output import print_json
    from modelwright.cli.render import render
    from modelwright.cli.stage import Request, job_for
    from modelwright.cli.terminal import tell
    from modelwright.spec.header import checked_header
    from modelwright.spec.load import load

    request = Request(spec, overrides or [], runs, json=json)
    loaded = load(spec, request.overrides)
    header = checked_header(loaded)
    job = job_for(loaded, request)
    planned = {stage: _planned(stage, job) for stage in STAGES}
    if header is not None and "columns" not in planned["prepare"]:
        planned["prepare"] = {**planned["prepare"], "columns": len(header)}
    if json:
        print_json({"spec": str(spec), "name": loaded.spec.name, "stages": planned})
    else:
        tell(render(planned))


def _planned(stage: str, job: Job) -> Mapping[str, Any]:
    """A stage whose input does not exist yet can't be planned further: it is to run."""
    from modelwright.core.errors import ArtifactError

    module: Any = import_module(f"modelwright.stages.{stage}")
    try:
        found = module.plan(job)
    except ArtifactError as error:
        return {"status": "to run", "after": error.problems[0].message}
    if found.cached is None:
        return {"status": "to run", **found.summary}
    return {"status": f"cached {found.cached.label}", **found.summary}
