"""`modelwright prepare`: from raw data to typed, split, featured tables."""

from modelwright.cli.options import DEFAULT_RUNS, DryRun, Force, Json, Overrides, Quiet, Runs, Source, SpecFile


def prepare(
    spec: SpecFile,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
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
    request = Request(spec, overrides or [], runs, source, force=force, dry_run=dry_run, json=json, quiet=quiet)
    run_stage("prepare", request)
