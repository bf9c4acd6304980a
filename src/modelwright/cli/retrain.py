"""`modelwright retrain`: a challenger from the newest data, when monitor asks for one."""

from typing import Annotated

import typer

from modelwright.cli.options import DEFAULT_RUNS, Json, Overrides, Quiet, Runs, SpecFile


def retrain(
    spec: SpecFile,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    promote: Annotated[bool, typer.Option("--promote", help="Make it champion if it passes every gate.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if monitor does not ask for it.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Prepare, train, evaluate and export on the data of now; the result becomes the challenger."""
    from modelwright.chains.retrain import retrain as chain
    from modelwright.cli.output import print_json, print_path, show
    from modelwright.cli.progress import progress_for
    from modelwright.cli.stage import Request, damage_told, job_for
    from modelwright.cli.terminal import tell
    from modelwright.spec.header import checked_header
    from modelwright.spec.load import load
    from modelwright.spec.placing import placed

    request = Request(spec, overrides or [], runs, force=force, json=json, quiet=quiet)
    loaded = load(spec, request.overrides)
    checked_header(loaded)
    job = job_for(loaded, request)
    with placed(loaded), damage_told(job.store):
        done = chain(job, progress_for(quiet=quiet), promote=promote, force=force)
    path = done.results["export"].run.path if "export" in done.results else None
    if json:
        print_json({**done.summary, "path": None if path is None else str(path), "exit_code": done.exit_code})
    else:
        known = {key: value for key, value in done.summary.items() if value not in ({}, None)}
        show(known if done.results else {"reason": done.reason}, quiet=quiet)
        if not done.results and not quiet:
            tell("nothing was done; --force retrains all the same")
        if path is not None:
            print_path(path)
    if done.exit_code:
        raise typer.Exit(done.exit_code)
