"""`modelwright train`: from prepared tables to one graph; with `--compare`, the models made so far side by side."""

from typing import Annotated

import typer

from modelwright.cli.options import DEFAULT_RUNS, DryRun, Force, Json, Overrides, Quiet, Runs, Source, SpecFile


def train(
    spec: SpecFile,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Train nothing; rank the train runs there are, with intervals.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="With --compare: so many of the newest runs, 20 if not said.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="With --compare: measure how long each graph takes a row.")
    ] = False,
    force: Force = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit the model and compile it, with its features, to one graph."""
    from modelwright.cli.stage import Request, run_stage

    request = Request(spec, overrides or [], runs, source, force=force, dry_run=dry_run, json=json, quiet=quiet)
    if compare:
        from modelwright.cli.comparison import print_comparison

        print_comparison(request, limit, measure=measure)
        return
    if measure or limit is not None:
        from modelwright.core.errors import SpecError

        raise SpecError("--limit and --measure are for --compare")
    run_stage("train", request)
