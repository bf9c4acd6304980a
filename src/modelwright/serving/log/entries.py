"""What is logged of requests that were answered, and how it becomes batches of the log's stream."""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.serving.layout import Rows, joined
from modelwright.serving.log.arrow_columns import buffers, matrix_buffers, repeated_numbers, repeated_texts
from modelwright.serving.log.arrow_stream import Buffers, Field, batch_message
from modelwright.serving.signature import Signature

if TYPE_CHECKING:
    from modelwright.serving.model import Scored

OWN = {
    "request_id": "text",
    "row": "integer",
    "time": "timestamp",
    "model": "text",
    "version": "integer",
    "route": "text",
    "latency_ms": "number",
    "shadow": "boolean",
}
COLUMN = "column"  # key in a field's metadata: what the data calls it


@dataclass(frozen=True)
class Entry:
    """One answered request."""

    request_id: str
    time_us: int
    version: int
    route: str
    latency_ms: float
    scored: Scored
    shadow: bool = False  # scored, but not what the caller was answered

    @property
    def request_ids(self) -> Sequence[str]:
        return (self.request_id,)

    @property
    def counts(self) -> Sequence[int]:
        return (len(self.scored),)

    @property
    def latencies_ms(self) -> Sequence[float]:
        return (self.latency_ms,)


@dataclass(slots=True)  # not frozen: that would cost a microsecond for each one made
class Entries:
    """Requests that were answered together, by one call of the graph; `scored` has their rows after one another."""

    request_ids: Sequence[str]
    counts: Sequence[int]  # rows of each request
    latencies_ms: Sequence[float]
    time_us: int
    version: int
    route: str
    scored: Scored
    shadow: bool = False


Logged = Entry | Entries


def log_schema(signature: Signature, redact: Collection[str] = ()) -> Sequence[Field]:
    """Columns of the log. A data column that has the name of one of the log's own is kept as `data.<name>`."""
    answers = {name for output in signature.outputs for name in output.columns}
    return (
        *(Field(name, kind, {}) for name, kind in OWN.items()),
        *(
            Field(data_column(field.name, answers), field.type, {COLUMN: field.name})
            for field in signature.fields
            if field.name not in redact
        ),
        *(Field(name, output.type, {}) for output in signature.outputs for name in output.columns),
    )


def data_column(name: str, answers: Collection[str] = ()) -> str:
    """The log's name for a column of the data, beside those of the answers."""
    own = name in OWN or name in answers or name == "prediction" or name.startswith(("probability_", "data."))
    return f"data.{name}" if own else name


def record_batch(entries: Sequence[Logged], signature: Signature, schema: Sequence[Field]) -> bytes:
    """One row for each row of each entry, in the order of the requests, as a message of the stream."""
    counts = [count for entry in entries for count in entry.counts]
    sizes = [len(entry.scored) for entry in entries]
    total = sum(sizes)

    columns = [
        repeated_texts([one for entry in entries for one in entry.request_ids], counts),
        Buffers(total, 0, (b"", np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts))),
        repeated_numbers([entry.time_us for entry in entries], sizes),
        repeated_texts([signature.name], [total]),
        repeated_numbers([entries[0].version], [total]),
        repeated_texts([entry.route for entry in entries], sizes),
        repeated_numbers([one for entry in entries for one in entry.latencies_ms], counts),
        buffers("boolean", np.repeat([entry.shadow for entry in entries], sizes)),
    ]
    columns += _data(joined([entry.scored.rows for entry in entries]), schema)
    for output in signature.outputs:
        answers = _joined([entry.scored.answers[output.name] for entry in entries])
        parts = [answers] if output.labels is None else answers.T
        columns += [buffers(output.type, part) for part in parts]
    return batch_message(columns)


def _data(rows: Rows, schema: Sequence[Field]) -> list[Buffers]:
    """The columns that came with the requests, in the order of the log."""
    by_kind: dict[str, list[str]] = {}
    for field in schema:
        if field.metadata:
            by_kind.setdefault(field.kind, []).append(field.metadata[COLUMN])
    found = {
        name: column
        for kind, names in by_kind.items()
        for name, column in zip(names, matrix_buffers(kind, rows.matrix(names)), strict=True)
    }
    return [found[field.metadata[COLUMN]] for field in schema if field.metadata]


def _joined(parts: list[Any]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def drawn_of(entry: Logged, sample: float) -> Logged | None:
    """The requests of an entry that are logged; None when there are none."""
    kept = [_draw(request_id) < sample for request_id in entry.request_ids]
    if all(kept) or not any(kept):
        return entry if kept[0] else None

    def chosen(values: Sequence[Any]) -> list[Any]:
        return list(itertools.compress(values, kept))

    rows = np.repeat(kept, entry.counts)
    answers = {name: values[rows] for name, values in entry.scored.answers.items()}
    scored = dataclasses.replace(entry.scored, rows=entry.scored.rows.where(rows), answers=answers)
    about = (entry.time_us, entry.version, entry.route, scored, entry.shadow)
    return Entries(chosen(entry.request_ids), chosen(entry.counts), chosen(entry.latencies_ms), *about)


def _draw(request_id: str) -> float:
    """0 to 1, the same for all that is logged of one request."""
    return zlib.crc32(request_id.encode()) / 2**32
