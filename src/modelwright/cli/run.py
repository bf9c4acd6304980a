"""`modelwright run`: the stages up to one of them, each skipped when nothing it depends on has changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.options import DEFAULT_RUNS, Force, Json, Overrides, Quiet, Runs, SpecFile

if TYPE_CHECKING:
    from modelwright.stages.job import Result


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
    from modelwright.cli.stage import Request, damage_told, described, job_for, warn
    from modelwright.cli.terminal import tell
    from modelwright.spec.header import checked_header
    from modelwright.spec.load import load
    from modelwright.spec.placing import placed

    request = Request(spec, overrides or [], runs, force=force, json=json, quiet=quiet)
    loaded = load(spec, request.overrides)
    checked_header(loaded)
    results = {}
    job = job_for(loaded, request)
    with placed(loaded), damage_told(job.store):
        for stage, result in chain(job, progress_for(quiet=quiet), to=to, force=force):
            results[stage] = result
            if not quiet:
                warn(result.summary)
                tell(f"{stage}: {result.run.label}{', nothing has changed' if result.cached else ''}")
    last = list(results.values())[-1]
    if json:
        stages = {stage: described(result) for stage, result in results.items()}
        print_json({"stages": stages, "path": str(last.run.path), "exit_code": last.exit_code})
    else:
        show(_told(results), quiet=quiet)
        if "export" in results and not quiet:
            elsewhere = "" if runs == DEFAULT_RUNS else f" --runs {runs}"
            tell(f"next: modelwright serve {spec}{elsewhere}")
        print_path(Path(last.run.path))
    if last.exit_code:
        raise typer.Exit(last.exit_code)


def _told(results: Mapping[str, Result]) -> Mapping[str, Any]:
    """What counts in the end is how good the model is and where to read more; else the last stage's own figures."""
    last = list(results.values())[-1]
    if "evaluate" not in results:
        return {key: value for key, value in last.summary.items() if key != "warnings"}
    told = dict(results["evaluate"].summary)
    told["model"] = f"{results['train'].summary['model']}, {told['model']}"
    if not told["gates"]:
        told["gates"] = "none are set under evaluate.gates"
        del told["passed"]
    told["reports"] = [told.pop("report"), results["prepare"].summary["report"]]
    return told | ({"bytes": last.summary["bytes"]} if "export" in results else {})
