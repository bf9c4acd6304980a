"""`modelwright serve`: from a bundle to answers over HTTP."""

from typing import Annotated

import typer

from modelwright.cli.options import DEFAULT_RUNS, Bundle, DryRun, Json, OptionalSpecFile, Overrides, Quiet, Runs, Source


def serve(
    spec: OptionalSpecFile = None,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    source: Source = None,
    bundle: Bundle = None,
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Instead of serve.host.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Instead of serve.port.")] = None,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Answer POST /predict and the Open Inference Protocol until SIGTERM or Ctrl-C."""
    from modelwright.cli.stage import Request, run_stage

    changes = [*(overrides or [])]
    changes += [f"serve.host={host}"] if host is not None else []
    changes += [f"serve.port={port}"] if port is not None else []
    request = Request(spec, changes, runs, source, dry_run=dry_run, json=json, quiet=quiet)
    run_stage("serve", request, {"bundle": bundle})
