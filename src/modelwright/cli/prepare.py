"""`modelwright prepare`: from raw data to typed, split, featured tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelwright.cli.options import DEFAULT_RUNS, DryRun, Force, Json, Overrides, Quiet, Runs, Source, SpecFile

if TYPE_CHECKING:
    from modelwright.cli.stage import Request

Pin = Annotated[bool, typer.Option("--pin", help="First write prepare.contract.file from the data as it is now.")]


def prepare(
    spec: SpecFile,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
    pin: Pin = False,
    force: Force = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read, check, clean and split the data; fit the feature steps."""
    from modelwright.cli.stage import Request, run_stage
    from modelwright.core.errors import SpecError

    if source is not None:
        raise SpecError("prepare starts from the data, not from a run", hint="leave --from out; see prepare.source")
    if pin and dry_run:
        raise SpecError("--pin writes a file, and --dry-run writes nothing", hint="leave one of them out")
    request = Request(spec, overrides or [], runs, source, force=force, dry_run=dry_run, json=json, quiet=quiet)
    if pin:
        _pin(request)
    run_stage("prepare", request)


def _pin(request: Request) -> None:
    from modelwright.cli.bundle import load_either
    from modelwright.cli.progress import progress_for
    from modelwright.cli.stage import job_for
    from modelwright.spec.placing import placed
    from modelwright.stages import contract

    loaded = load_either(request.spec, None, request.overrides)
    with placed(loaded):
        contract.pin(job_for(loaded, request), progress_for(quiet=request.quiet), force=request.force)
