"""Predict: score a file, a folder or standard input with a bundle; read and clean as in training, one graph."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Schema
from modelwright.core.errors import SpecError
from modelwright.core.progress import Progress
from modelwright.serving.bundle import Bundle
from modelwright.serving.signature import probability_column
from modelwright.stages.history import with_history, without_history
from modelwright.stages.incoming import IncomingRows, read_rows, reader_for

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.spec.prepare import Prepare

STDIN = "-"


@dataclass(frozen=True)
class Predictions:
    """Columns that say which row it is (id, time, entity), `prediction` and, for classes, `probability_<class>`."""

    table: pa.Table
    model: str
    version: int
    rejected: int  # rows that could not be read
    removed: int  # rows that the cleaning of prepare takes out


def predict(
    bundle: Bundle, prepare: Prepare, data: str, progress: Progress, *, past: Path | None = None
) -> Predictions:
    """Score `data`, a path or `-`, with the reader and the cleaning of `prepare`.

    `past`: a file of earlier rows, from which the columns of the past are computed that `data` then need not have.
    """
    from modelwright.graph.running import Scorer

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="modelwright-")))
        path = _from_stdin(scratch) if data == STDIN else Path(data)
        schema = Schema.from_dict(bundle.run.read_json("schema.json"))
        found = _read(path, schema, prepare, past, scratch)
        rows = found.table
        progress.say(f"scoring {rows.num_rows:,} rows with {bundle.name} v{bundle.version:04d}")
        table = _scored(rows, Scorer(bundle.model).run_table(rows), schema)
        return Predictions(table, bundle.name, bundle.version, len(found.rejected), found.removed)


def _read(path: Path, schema: Schema, prepare: Prepare, past: Path | None, scratch: Path) -> IncomingRows:
    """The rows to score, with what `past` says of them."""
    if past is not None and not prepare.history:
        raise SpecError("the model uses no columns of the past", hint="leave --past out")
    wanted = schema if past is None else without_history(schema, prepare)
    plain = prepare if past is None else prepare.model_copy(update={"history": []})
    reader = reader_for(path, prepare.source)
    found = read_rows(reader, path.absolute().parent, wanted, plain, engine_folder=scratch, target="hidden")
    if past is None:
        return found
    reader = reader_for(past, prepare.source)
    folder = scratch / "past"
    earlier = read_rows(
        reader, past.absolute().parent, wanted, plain, engine_folder=folder, target="welcome", past=True
    )
    return replace(found, table=with_history(found.table, earlier.table, schema, prepare, folder))


def write(predictions: Predictions, output: Path) -> None:
    """CSV, or Parquet where the name ends so; the file appears when it is complete."""
    import pyarrow.csv
    import pyarrow.parquet

    if not output.absolute().parent.is_dir():
        raise SpecError(f"there is no folder {output.parent}", hint=f"mkdir -p {output.parent}")
    with TemporaryDirectory(dir=output.absolute().parent, prefix=".predict-") as folder:
        path = Path(folder, output.name)
        if output.suffix == ".parquet":
            pyarrow.parquet.write_table(predictions.table, path)
        else:
            pyarrow.csv.write_csv(predictions.table, path)
        path.replace(output)


def _from_stdin(folder: Path) -> Path:
    path = folder / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def _scored(rows: pa.Table, outputs: dict[str, Any], schema: Schema) -> pa.Table:
    import pyarrow as pa

    names = [column.name for column in schema.of_role("id", "time", "entity") if column.name in rows.column_names]
    table = rows.select(names).append_column("prediction", pa.array(outputs["prediction"]))
    for index, label in enumerate(schema.classes or ()):
        table = table.append_column(probability_column(label), pa.array(outputs["probability"][:, index]))
    return table
