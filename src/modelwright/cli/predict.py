"""`modelwright predict`: batch scoring of a file, a folder or standard input with a bundle."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from modelwright.cli.options import Json, Quiet

if TYPE_CHECKING:
    from modelwright.stages.predict import Predictions
    from modelwright.stages.predict_output import Format

SHOWN = 3  # rows that could not be read


def predict(
    bundle: Annotated[Path, typer.Argument(help="An exported bundle.")],
    data: Annotated[str, typer.Argument(help="A data file, a folder of them, or - for standard input.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help=".parquet, .csv or .jsonl; default: stdout."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="csv, jsonl or parquet; default: by the ending, csv."),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keeps rows that can't be read; default: OUTPUT.rejects.*, if there are any."
        ),
    ] = None,
    past: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Earlier rows, to compute the model's columns of the past from."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score new rows; keeps their ids, adds prediction and, for classes, probabilities."""
    from modelwright.cli.bundle import spec_of
    from modelwright.cli.progress import progress_for
    from modelwright.serving.bundle import open_bundle
    from modelwright.stages.predict import predict as score

    kind = _format(form, output, json=json)
    opened = open_bundle(bundle)
    spec = spec_of(opened).spec
    with score(opened, spec.prepare, data, progress_for(quiet=quiet), past=past) as found:
        if output is not None:
            _to_file(found, output, kind, rejects or output.with_suffix(f".rejects{output.suffix}"), json=json)
        else:
            _to_stdout(found, kind, json=json)
            if rejects is not None:
                _keep(found, rejects)
        if found.rejected or found.removed:
            _tell(found, rejects, output)


def _format(given: str | None, output: Path | None, *, json: bool) -> Format:
    from modelwright.core.errors import SpecError
    from modelwright.core.names import did_you_mean
    from modelwright.stages.predict_output import FORMATS, format_of

    if given is None:
        return format_of(output) if output is not None else "csv"
    known = sorted(set(FORMATS.values()))
    if given not in known:
        raise SpecError(f'there is no format "{given}"{did_you_mean(given, known)}', hint=f"one of {', '.join(known)}")
    if output is None and json:
        raise SpecError("--json prints one JSON object, so that --format means nothing", hint="leave one of them out")
    if output is None and given == "parquet" and sys.stdout.isatty():
        raise SpecError("Parquet is no text for a terminal", hint="pass -o FILE.parquet, or redirect the output")
    return next(kind for kind in FORMATS.values() if kind == given)


def _to_file(found: Predictions, output: Path, kind: Format, rejects: Path, *, json: bool) -> None:
    """The path to stdout, or what `--json` says instead; the rows that could not be read beside the others."""
    from modelwright.cli.output import print_json, print_path
    from modelwright.stages.predict_output import complete, writer

    rows = 0
    with ExitStack() as stack:
        path = stack.enter_context(complete(output))
        with path.open("wb") as sink:
            written = writer(kind, sink)
            for batch in found.batches:
                written.write(batch)
                rows += batch.num_rows
            written.close()
        if found.rejected:
            _keep(found, rejects)
    if json:
        kept = {"rejects": str(rejects)} if found.rejected else {}
        print_json({**_head(found), "path": str(output), "rows": rows, **_counts(found), **kept})
    else:
        print_path(output)


def _to_stdout(found: Predictions, kind: Format, *, json: bool) -> None:
    from modelwright.stages.predict_output import JsonWriter, writer

    sink: BinaryIO = sys.stdout.buffer
    if not json:
        plain = writer(kind, sink)
        for batch in found.batches:
            plain.write(batch)
        plain.close()
        return
    whole = None
    for batch in found.batches:
        whole = whole or JsonWriter(sink, _head(found))  # not before it is known that there is anything
        whole.write(batch)
    assert whole is not None
    whole.end(_counts(found))


def _keep(found: Predictions, rejects: Path) -> None:
    from modelwright.stages.predict_output import complete, format_of, refused_rows, writer

    kind = format_of(rejects)
    with complete(rejects) as path, path.open("wb") as sink:
        written = writer(kind, sink)
        written.write(refused_rows(found.rejected))
        written.close()


def _tell(found: Predictions, rejects: Path | None, output: Path | None) -> None:
    from modelwright.cli.terminal import tell

    lost = f"{len(found.rejected)} rows could not be read, {found.removed} were removed by prepare.clean"
    lines = [f"no prediction for some rows: {lost}"]
    for file, line, column, value, reason in found.rejected[:SHOWN]:
        what = f'{column}: "{value}" {reason}' if column else reason
        lines.append(f"  {file or 'row'}{'' if line is None else f':{line}'}: {what}")
    if found.rejected and rejects is None and output is None:
        lines.append("  --rejects FILE keeps them")
    tell("\n".join(lines), mark="warning: ", style="yellow")


def _head(found: Predictions) -> dict[str, Any]:
    return {"model": found.model, "version": found.version}


def _counts(found: Predictions) -> dict[str, Any]:
    return {"rejected": len(found.rejected), "removed": found.removed}
