"""`modelwright predict`: batch scoring of a file, a folder or standard input with a bundle."""

from pathlib import Path
from typing import Annotated

import typer

from modelwright.cli.options import Json, Quiet


def predict(
    bundle: Annotated[Path, typer.Argument(help="An exported bundle.")],
    data: Annotated[str, typer.Argument(help="A data file, a folder of them, or - for standard input.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="CSV, or Parquet if it ends so; default: stdout."),
    ] = None,
    past: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Earlier rows, to compute the model's columns of the past from."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score new rows; keeps their ids, adds prediction and, for classes, probabilities."""
    import sys

    from modelwright.cli.bundle import spec_of
    from modelwright.cli.output import print_json, print_path
    from modelwright.cli.progress import progress_for
    from modelwright.cli.terminal import tell
    from modelwright.serving.bundle import open_bundle
    from modelwright.stages.predict import predict as score
    from modelwright.stages.predict import write

    opened = open_bundle(bundle)
    found = score(opened, spec_of(opened).spec.prepare, data, progress_for(quiet=quiet), past=past)
    if output is not None:
        write(found, output)
    if found.rejected or found.removed:
        lost = f"{found.rejected} rows could not be read, {found.removed} were removed by prepare.clean"
        tell(f"no prediction for some rows: {lost}", mark="warning: ", style="yellow")
    if json:
        rows = [{key: _plain(value) for key, value in row.items()} for row in found.table.to_pylist()]
        written = {"predictions": rows} if output is None else {"path": str(output), "rows": len(rows)}
        counts = {"rejected": found.rejected, "removed": found.removed}
        print_json({"model": found.model, "version": found.version, **written, **counts})
    elif output is not None:
        print_path(output)
    else:
        import pyarrow.csv

        pyarrow.csv.write_csv(found.table, sys.stdout.buffer)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float) else str(value)
