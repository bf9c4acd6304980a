"""`modelwright run`: the stages up to one of them, each skipped when nothing it depends on has changed."""

from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.options import DEFAULT_RUNS, Force, Json, Overrides, Quiet, Runs, SpecFile


def run(
    spec: SpecFile,
    overrides: Overrides = None,
    to: Annotated[str, typer.Option("--to", metavar="STAGE", help="Last stage.")] = "export",
    runs: Runs = DEFAULT_RUNS,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run prepare, train, evaluate and export in a row, as far as needed."""
    from modelwright.chains.run import run as chain
    from modelwright.cli.output import print_json, print_path, show
    from modelwright.cli.progress import progress_for
    from modelwright.cli.stage import Request, described, job_for
    from modelwright.cli.terminal import tell
    from modelwright.spec.header import checked_header
    from modelwright.spec.load import load

    request = Request(spec, overrides or [], runs, force=force, json=json, quiet=quiet)
    loaded = load(spec, request.overrides)
    checked_header(loaded)
    results = {}
    for stage, result in chain(job_for(loaded, request), progress_for(quiet=quiet), to=to, force=force):
        results[stage] = result
        if not quiet:
            tell(f"{stage}: {result.run.label}{', nothing has changed' if result.cached else ''}")
    last = list(results.values())[-1]
    if json:
        stages = {stage: described(result) for stage, result in results.items()}
        print_json({"stages": stages, "path": str(last.run.path), "exit_code": last.exit_code})
    else:
        show(last.summary, quiet=quiet)
        print_path(Path(last.run.path))
    if last.exit_code:
        raise typer.Exit(last.exit_code)
