"""`modelwright export`: from a model that passed its gates to a bundle."""

from typing import Annotated

import typer

from modelwright.cli.options import DEFAULT_RUNS, DryRun, Force, Json, Overrides, Quiet, Runs, Source, SpecFile


def export(
    spec: SpecFile,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
    ungated: Annotated[bool, typer.Option("--ungated", help="Even if no gate was passed; recorded.")] = False,
    force: Force = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the bundle: everything needed to serve, and nothing else."""
    from modelwright.cli.stage import Request, run_stage

    request = Request(spec, overrides or [], runs, source, force=force, dry_run=dry_run, json=json, quiet=quiet)
    run_stage("export", request, {"ungated": ungated})
