"""What all stage commands do alike: load the spec, plan, show or run, print the run's folder, exit with its code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from modelwright.cli.output import print_json, print_path, show
from modelwright.cli.progress import progress_for
from modelwright.cli.terminal import tell

if TYPE_CHECKING:
    from modelwright.runs.store import Store
    from modelwright.spec.load import Loaded
    from modelwright.stages.job import Job, Result


@dataclass(frozen=True)
class Request:
    """The flags of one command line."""

    spec: Path | None
    overrides: Sequence[str]
    runs: Path
    source: str | None = None
    force: bool = False
    dry_run: bool = False
    json: bool = False
    quiet: bool = False


def run_stage(stage: str, request: Request, options: Mapping[str, Any] | None = None) -> None:
    """Plan the stage and run it, unless only the plan is wanted or an earlier run already did it."""
    from modelwright.chains.run import run_stage as run
    from modelwright.cli.bundle import load_either
    from modelwright.spec.placing import placed

    loaded = load_either(request.spec, (options or {}).get("bundle"), request.overrides)
    if stage == "prepare":
        from modelwright.spec.header import checked_header

        checked_header(loaded)
    job = job_for(loaded, request, options)
    with placed(loaded), damage_told(job.store):
        if request.dry_run:
            show_plan(stage, job, request)
            return
        result = run(stage, job, progress_for(quiet=request.quiet), force=request.force)
    report(result, request)


@contextmanager
def damage_told(store: Store) -> Iterator[None]:
    """Says in the end which runs were passed over because they are damaged; also where that is why nothing is found."""
    try:
        yield
    finally:
        for warning in store.warnings:
            tell(warning, mark="warning: ", style="yellow")


def job_for(loaded: Loaded, request: Request, options: Mapping[str, Any] | None = None) -> Job:
    from modelwright.runs.store import Store
    from modelwright.stages.job import Job

    return Job(
        loaded.spec,
        loaded.base,
        Store(request.runs),
        spec_file=request.spec,
        source=request.source,
        spec_text=loaded.text,
        options=options or {},
    )


def show_plan(stage: str, job: Job, request: Request) -> None:
    """`--dry-run`: what would be read and done, and whether it was done before."""
    module: Any = import_module(f"modelwright.stages.{stage}")
    plan = module.plan(job)
    summary = {
        "stage": stage,
        "status": "to run" if plan.cached is None or request.force else f"cached {plan.cached.label}",
        "from": [run.label for run in plan.sources.values()],
        **plan.summary,
    }
    if request.json:
        print_json(summary)
    else:
        show(summary, quiet=False)


def report(result: Result, request: Request) -> None:
    """The folder (or one JSON object) to stdout, the figures to stderr; exits with the result's code."""
    if request.json:
        print_json(described(result))
    else:
        if not request.quiet:
            warn(result.summary)
        show({key: value for key, value in result.summary.items() if key != "warnings"}, quiet=request.quiet)
        if result.cached and not request.quiet:
            tell(f"nothing has changed since {result.run.label}; --force runs it again")
        print_path(result.run.path)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def warn(summary: Mapping[str, Any]) -> None:
    """What a person should look at, a line each."""
    for text in summary.get("warnings", ()):
        tell(text, mark="warning: ", style="yellow")


def described(result: Result) -> dict[str, Any]:
    run = result.run
    return {
        "run": run.label,
        "name": run.name,
        "path": str(run.path),
        "cached": result.cached,
        "exit_code": result.exit_code,
        "summary": dict(result.summary),
    }
