"""`modelwright plan`: what each stage would do now, without doing it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelwright.cli.options import DEFAULT_RUNS, Json, Overrides, Runs, SpecFile

if TYPE_CHECKING:
    from modelwright.stages.job import Job

STAGES = ("prepare", "train", "tune", "evaluate", "export")
SHOWN = ("status", "rows", "columns", "took_s")
FITTED_ON = ("learn", "validation")
READS = {"prepare": (), "train": FITTED_ON, "tune": FITTED_ON, "evaluate": ("test",), "export": ("test",)}


def plan(spec: SpecFile, overrides: Overrides = None, runs: Runs = DEFAULT_RUNS, json: Json = False) -> None:
    """Show for each stage whether it is done already or would run, and on what."""
    from modelwright.cli.output import print_json
    from modelwright.cli.render import render
    from modelwright.cli.stage import Request, job_for
    from modelwright.cli.terminal import plain
    from modelwright.spec.header import checked_header
    from modelwright.spec.load import load

    request = Request(spec, overrides or [], runs, json=json)
    loaded = load(spec, request.overrides)
    header = checked_header(loaded)
    job = job_for(loaded, request)
    planned = {stage: _planned(stage, job) for stage in STAGES}
    planned["prepare"] |= {
        "rows": planned["prepare"]["rows"] or loaded.spec.prepare.source.estimated_rows(loaded.base),
        "columns": planned["prepare"]["columns"] or (len(header) if header else None),
    }
    if json:
        print_json({"spec": str(spec), "name": loaded.spec.name, "stages": planned})
    else:
        stages = {stage: {name: found[name] for name in SHOWN} for stage, found in planned.items()}
        print(plain(render({loaded.spec.name: stages})))


def _planned(stage: str, job: Job) -> dict[str, Any]:
    """A stage whose input does not exist yet can't be planned further: it is to run.

    Rows and columns are those of the data it reads, `took_s` the duration of its last run, as an estimate.
    """
    from modelwright.core.errors import ArtifactError

    newest = job.store.newest(job.spec.name, stage)
    took = None if newest is None else newest.read_json("environment.json")["durations_s"]["total"]
    facts: dict[str, Any] = {"status": "to run", "rows": None, "columns": None, "took_s": took}
    module: Any = import_module(f"modelwright.stages.{stage}")
    try:
        found = module.plan(job)
    except ArtifactError as error:
        return {**facts, "after": error.problems[0].message}
    if found.cached is not None:
        facts["status"] = f"cached {found.cached.label}"
    data = found.cached if stage == "prepare" else found.sources.get("prepare")
    if data is not None:
        known = data.read_json("rows.json")
        facts["rows"] = sum(known["rows"][split] for split in READS[stage]) or known["rows"]["read"]
        facts["columns"] = sum(map(len, known["columns"].values()))
    return {**facts, **found.summary}
