"""The flags that commands share, said once."""

from pathlib import Path
from typing import Annotated

import typer

SpecFile = Annotated[Path, typer.Argument(help="Spec file (YAML).")]
OptionalSpecFile = Annotated[Path | None, typer.Argument(help="Spec file; not with --bundle.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the spec: train.model.leaves=31; ~KEY deletes."),
]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs are kept.")]
Source = Annotated[
    str | None,
    typer.Option("--from", metavar="RUN", help="Start from this run, such as train/v0003."),
]
Force = Annotated[bool, typer.Option("--force", help="Run even if nothing has changed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no tables.")]
Bundle = Annotated[Path | None, typer.Option("--bundle", metavar="DIR", help="An exported bundle, instead of SPEC.")]

DEFAULT_RUNS = Path("runs")
