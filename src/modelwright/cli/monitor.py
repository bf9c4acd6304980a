"""`modelwright monitor`: from logged predictions to drift, performance and a decision."""

from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.options import (
    DEFAULT_RUNS,
    Bundle,
    DryRun,
    Force,
    Json,
    OptionalSpecFile,
    Overrides,
    Quiet,
    Runs,
    Source,
)


def monitor(
    spec: OptionalSpecFile = None,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
    bundle: Bundle = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Rows to look at, instead of the prediction log.")
    ] = None,
    force: Force = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare what is served now with what was learnt from; exit 11 when that raises an alert."""
    from modelwright.cli.stage import Request, run_stage

    request = Request(spec, overrides or [], runs, source, force=force, dry_run=dry_run, json=json, quiet=quiet)
    run_stage("monitor", request, {"bundle": bundle, "data": data})
