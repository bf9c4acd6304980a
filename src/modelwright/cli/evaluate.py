"""`modelwright evaluate`: from a model to metrics with intervals, slices and gates."""

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


def evaluate(
    spec: OptionalSpecFile = None,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
    bundle: Bundle = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="New labelled rows to score, instead of the test rows."),
    ] = None,
    force: Force = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score the test rows (or new labelled ones), compare with the champion, decide the gates."""
    from modelwright.cli.stage import Request, run_stage

    request = Request(spec, overrides or [], runs, source, force=force, dry_run=dry_run, json=json, quiet=quiet)
    run_stage("evaluate", request, {"bundle": bundle, "data": data})
