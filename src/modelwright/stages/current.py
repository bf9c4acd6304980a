"""The current side of monitor: rows of the prediction log or of a file, in their window, with predictions and truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.core.outputs import Output
from modelwright.core.units import parse_duration_s
from modelwright.graph.running import Scorer
from modelwright.serving.log.reading_log import data_columns, read_log
from modelwright.spec.prepare import ColumnSpec
from modelwright.stages.incoming import read_rows

if TYPE_CHECKING:
    from modelwright.parts.base import Reader, Task
    from modelwright.spec.labels import Labels
    from modelwright.spec.monitor import Window
    from modelwright.stages.job import Job

LOG_TIME = "__logged_at__"


@dataclass(frozen=True)
class Current:
    """`rows`: the data's columns; `scores`: what the monitored version answered, where it did (`scored` mask)."""

    rows: pa.Table
    scores: Any  # the model's scores (see `parts.task`) of the rows where `scored`
    scored: Any  # bool [N]
    truth: pa.Table | None  # [N] of each target, null where no label is known yet
    window: str


def from_log(
    folder: Path, schema: Schema, task: Task, outputs: Sequence[Output], version: int, window: Window | None
) -> Current:
    """The logged rows. DataError when nothing was logged, or nothing in the window."""
    logged = read_log(folder) if folder.is_dir() else None
    if logged is not None and "shadow" in logged.column_names:  # what nobody was answered is asked twice
        logged = logged.filter(pc.invert(logged["shadow"].combine_chunks().fill_null(False)))
    if logged is None or logged.num_rows == 0:
        raise DataError(
            "the prediction log is empty",
            where=str(folder),
            hint="serve requests first (serve.log.folder), or name rows to look at: monitor --data FILE",
        )
    rows = data_columns(logged).append_column(LOG_TIME, logged["time"])
    inside, said = _window(rows, schema, window)
    logged, rows = logged.filter(inside), rows.filter(inside).drop_columns(LOG_TIME)
    scored = pc.equal(logged["version"], version).combine_chunks()
    answered = logged.filter(scored)
    scores = task.scores_of({output.name: _logged(answered, output) for output in outputs})
    return Current(rows, scores, scored.to_numpy(zero_copy_only=False), None, said)


def _logged(answered: pa.Table, output: Output) -> Any:
    """What the graph answered, from the log's columns: [N] or [N, K]."""
    found = [answered[name].combine_chunks().to_numpy(zero_copy_only=False) for name in output.columns]
    return found[0] if output.labels is None else np.stack(found, axis=1)


def from_rows(job: Job, reader: Reader, schema: Schema, model: bytes, scratch: Path) -> Current:
    """Rows of a file, scored here; labelled where the target is among the columns."""
    incoming = read_rows(reader, job.base, schema, job.spec.prepare, engine_folder=scratch, target="welcome").table
    if incoming.num_rows == 0:
        raise DataError("there are no rows to look at", hint="check monitor.source, or --data")
    inside, said = _window(incoming, schema, job.spec.monitor.window)
    rows = incoming.filter(inside)
    scores = job.spec.task.scores_of(Scorer(model).run_table(rows))
    truth = rows.select([column.name for column in schema.of_role("target")])
    known = truth.num_columns > 0 and all(column.null_count < len(column) for column in truth.columns)
    return Current(rows, scores, np.ones(rows.num_rows, dtype=bool), truth if known else None, said)


def with_labels(current: Current, job: Job, labels: Labels, schema: Schema, scratch: Path) -> Current:
    """Look up the truth of each row by its id; of several labels the latest counts, or else the last in the files."""
    targets, prepare = schema.of_role("target"), job.spec.prepare
    key = next((column for column in schema.columns if column.name == labels.key), None)
    if not targets:
        raise SpecError(f"monitor.labels: {job.spec.task.kind} has no truth to look up", hint="leave it out")
    if key is None or labels.key not in current.rows.column_names:
        known = [column.name for column in schema.of_role("id", "entity", "time", "input")]
        raise SpecError(
            f'monitor.labels.key: "{labels.key}" is not among the logged columns', hint=f"logged: {', '.join(known)}"
        )
    columns, said = [_plain(key), *targets], dict(prepare.columns)
    if labels.time is not None:
        columns.append(Column(labels.time, "timestamp", "id", nullable=True))
        said[labels.time] = ColumnSpec(timezone="UTC")  # where it names none; only their order matters
    only = prepare.model_copy(update={"clean": [], "columns": said})
    wanted = Schema(tuple(columns), schema.classes)
    found = read_rows(labels.source, job.base, wanted, only, engine_folder=scratch, target="needed").table
    for target in targets:
        found = found.filter(found[target.name].is_valid())
    if labels.time is not None:
        found = found.take(pc.sort_indices(found, [(labels.time, "ascending", "at_start")]))
    found = found.take(pa.array(range(found.num_rows - 1, -1, -1)))  # the first that is found is then the latest
    place = pc.index_in(
        current.rows[labels.key].combine_chunks().cast(pa.string()),
        value_set=found[labels.key].combine_chunks().cast(pa.string()),
    )
    truth = pa.table({target.name: found[target.name].combine_chunks().take(place) for target in targets})
    return Current(current.rows, current.scores, current.scored, truth, current.window)


def _plain(column: Column) -> Column:
    return Column(column.name, column.type, "id", nullable=True, timezone=column.timezone)


def _window(rows: pa.Table, schema: Schema, window: Window | None) -> tuple[Any, str]:
    """A mask and what it means. The event time decides where there is one, else the time of logging."""
    times = schema.of_role("time")
    name = times[0].name if times and times[0].name in rows.column_names else LOG_TIME
    everything = pa.array([True] * rows.num_rows)
    if window is None or name not in rows.column_names:
        return everything, "all rows"
    moments = rows[name].combine_chunks().cast(pa.timestamp("us", "UTC"))
    end = window.until or pc.max(moments).as_py()
    if end is None:
        return everything, "all rows"
    end = end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
    start = end - timedelta(seconds=parse_duration_s(window.last))
    limits = [pa.scalar(moment, pa.timestamp("us", "UTC")) for moment in (start, end)]
    inside = pc.and_(pc.greater(moments, limits[0]), pc.less_equal(moments, limits[1])).fill_null(False)
    said = f"{_shown(start)} to {_shown(end)}"
    if not pc.any(inside).as_py():
        raise DataError(
            f"no rows from {said}", hint="check monitor.window, and that the server logs to serve.log.folder"
        )
    return inside, said


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
