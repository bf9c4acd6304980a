"""The prediction log: what was asked and answered, row by row, written by a thread that requests never wait for."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
import subprocess
import threading
import time
import zlib
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.serving.layout import Rows, joined
from modelwright.serving.log.arrow_columns import buffers, matrix_buffers, repeated_numbers, repeated_texts
from modelwright.serving.log.arrow_stream import Buffers, Field, batch_message, schema_message
from modelwright.serving.log.compacting import PATIENCE_S, start_compacting
from modelwright.serving.log.segments import Segment
from modelwright.serving.signature import Signature

if TYPE_CHECKING:
    from modelwright.serving.model import Scored

logger = logging.getLogger(__name__)

FLUSH_S = 1.0
PACK_ROWS = 250  # more at once hold up requests for longer
MANY_ROWS = 64  # of one call of the graph
FLUSH_ROWS = 5_000  # more take more memory; each waking of the writer holds up requests too
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


@dataclass(slots=True)
class _Batch:
    version: int
    rows: int
    content: bytes = b""  # nothing where it could not be put together


class PredictionLog:
    """`append` never blocks and never fails: what the writer can't take is dropped and counted."""

    def __init__(
        self,
        folder: Path,
        signatures: Mapping[int, Signature],
        *,
        queue_rows: int,
        sample: float = 1.0,
        redact: Collection[str] = (),
    ) -> None:
        """`sample` is the share of requests that are logged, `redact` the columns that never are."""
        self.folder = folder
        self._sample, self._redact = sample, frozenset(redact)
        self._signatures: dict[int, Signature] = {}
        self._schemas: dict[int, Sequence[Field]] = {}
        self.know(signatures)
        self._segments: dict[int, Segment] = {}
        self._queue: deque[Logged] = deque()
        self._batches: deque[_Batch] = deque()
        self._limit = queue_rows
        # Each counter has one writing thread: the first row's the event loop, the second's the writer.
        self._appended = self._refused = self._left_out = self._unpacked = 0
        self._taken = self._written = self._lost = 0
        self._complaint = ""
        self._compacting: subprocess.Popen[bytes] | None = None
        self._released = False  # since the last process was started
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def know(self, signatures: Mapping[int, Signature]) -> None:
        """Take entries of more versions from now on; before the first of them is appended."""
        new = {version: log_schema(signature, self._redact) for version, signature in signatures.items()}
        self._schemas = {**self._schemas, **new}
        self._signatures = {**self._signatures, **signatures}

    def append(self, entry: Logged) -> None:
        """Queue what was answered, or count its rows as dropped when the writer is too far behind."""
        if self._sample < 1:
            drawn = _drawn(entry, self._sample)
            self._left_out += len(entry.scored) - (len(drawn.scored) if drawn else 0)
            if drawn is None:
                return
            entry = drawn
        rows = len(entry.scored)
        waiting = self._appended - self._taken + rows
        if waiting > self._limit:
            self._refused += rows
            return
        self._appended += rows
        self._unpacked += rows
        self._queue.append(entry)
        if self._unpacked >= PACK_ROWS:
            self._unpacked = 0
            if rows < MANY_ROWS:
                self._pack()  # here: two threads would wait for each other all the time
            else:
                self._wake.set()  # while the graph runs, the writer has time for it
        if waiting >= min(FLUSH_ROWS, self._limit / 2):
            self._wake.set()

    def counts(self) -> dict[str, int]:
        """Rows written, dropped, and (where there is sampling) left out so far."""
        counted = {"written": self._written, "dropped": self._refused + self._lost}
        return counted if self._sample == 1 else {**counted, "sampled_out": self._left_out}

    def close(self) -> None:
        """Write what waits, then compact; a disk that hangs is not waited for without end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        self._compact()  # what servers that died have left
        while not self._stop.is_set():
            self._wake.wait(FLUSH_S)
            self._wake.clear()
            self._flush()
            hour = time.strftime("%Y%m%dT%H", time.gmtime())
            done = [version for version, segment in self._segments.items() if segment.hour != hour or segment.full]
            self._release(done)
            if self._released:
                self._compact()
        self._flush()
        self._release(list(self._segments))
        for _ in range(2):  # the one that may be running has not seen what was released just now
            if self._compacting:
                self._try(functools.partial(self._compacting.wait, PATIENCE_S))
            if self._released:
                self._compact()

    def _flush(self) -> None:
        self._pack()
        while self._batches:
            batch = self._batches.popleft()
            if batch.content and self._try(functools.partial(self._write, batch)):
                self._written += batch.rows
            else:
                self._lost += batch.rows
            self._taken += batch.rows

    def _pack(self) -> None:
        """What waits becomes one batch for each version."""
        by_version: dict[int, list[Logged]] = {}
        with suppress(IndexError):  # empty, also because the other thread took the last
            while True:
                entry = self._queue.popleft()
                by_version.setdefault(entry.version, []).append(entry)
        for version, entries in by_version.items():
            batch = _Batch(version, sum(len(entry.scored) for entry in entries))
            self._try(functools.partial(self._fill, batch, entries))
            self._batches.append(batch)

    def _fill(self, batch: _Batch, entries: Sequence[Logged]) -> None:
        batch.content = record_batch(entries, self._signatures[batch.version], self._schemas[batch.version])

    def _write(self, batch: _Batch) -> None:
        if batch.version not in self._segments:
            schema = schema_message(self._schemas[batch.version], {"model": self._signatures[batch.version].name})
            self._segments[batch.version] = Segment(self.folder, schema, f"v{batch.version:04d}")
        self._segments[batch.version].append(batch.content)

    def _release(self, versions: list[int]) -> None:
        for version in versions:
            self._try(self._segments.pop(version).release)
            self._released = True

    def _compact(self) -> None:
        """In a process of its own, one at a time."""

        def start() -> None:
            self._compacting = start_compacting(self.folder)
            self._released = False

        if self._compacting is None or self._compacting.poll() is not None:
            self._try(start)

    def _try(self, action: Any) -> bool:
        """Nothing that goes wrong here may stop answers: False, and the caller counts what was lost."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a full disk, a folder that was removed, and what no one thought of
            if str(error) != self._complaint:  # once, not every second
                logger.warning("prediction log in %s: %s", self.folder, error)
            self._complaint = str(error)
            return False
        return True


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


def _drawn(entry: Logged, sample: float) -> Logged | None:
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
