"""`modelwright tune`: from prepared tables to the best settings found."""

from modelwright.cli.options import DEFAULT_RUNS, DryRun, Force, Json, Overrides, Quiet, Runs, Source, SpecFile


def tune(
    spec: SpecFile,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
    force: Force = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for better settings of the model; resumes where it stopped."""
    from modelwright.cli.stage import Request, run_stage

    request = Request(spec, overrides or [], runs, source, force=force, dry_run=dry_run, json=json, quiet=quiet)
    run_stage("tune", request)
