"""The prediction log: what was asked and answered, row by row, written by a thread that requests never wait for."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.serving.arrow_columns import TIME, TYPES, column, texts
from modelwright.serving.segments import Segment, compact_orphans
from modelwright.serving.signature import Signature, probability_column

if TYPE_CHECKING:
    from modelwright.serving.model import Scored

logger = logging.getLogger(__name__)

FLUSH_S = 1.0
FLUSH_ROWS = 5_000
OWN = {
    "request_id": pa.string(),
    "row": pa.int64(),
    "time": TIME,
    "model": pa.string(),
    "version": pa.int64(),
    "route": pa.string(),
    "latency_ms": pa.float64(),
}
ANSWERS = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string()}


@dataclass(frozen=True)
class Entry:
    """One answered request."""

    request_id: str
    time_us: int
    version: int
    route: str
    latency_ms: float
    scored: Scored


class PredictionLog:
    """`append` never blocks and never fails: what the writer can't take is dropped and counted."""

    def __init__(self, folder: Path, signatures: Mapping[int, Signature], *, queue_rows: int) -> None:
        self.folder = folder
        self._signatures = dict(signatures)
        self._schemas = {version: log_schema(signature) for version, signature in signatures.items()}
        self._segments: dict[int, Segment] = {}
        self._queue: deque[Entry] = deque()
        self._limit = queue_rows
        # Each counter has one writing thread: appended and refused the event loop, the others the writer.
        self._appended = self._refused = self._taken = self._written = self._lost = 0
        self._complaint = ""
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def append(self, entry: Entry) -> None:
        """Queue an entry, or count its rows as dropped when the writer is too far behind."""
        rows = len(entry.scored)
        waiting = self._appended - self._taken + rows
        if waiting > self._limit:
            self._refused += rows
            return
        self._appended += rows
        self._queue.append(entry)
        if waiting >= FLUSH_ROWS:
            self._wake.set()

    def counts(self) -> dict[str, int]:
        """Rows written and dropped so far."""
        return {"written": self._written, "dropped": self._refused + self._lost}

    def close(self) -> None:
        """Write what waits, then compact."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        self._try(lambda: compact_orphans(self.folder))
        while not self._stop.is_set():
            self._wake.wait(FLUSH_S)
            self._wake.clear()
            self._flush()
            hour = time.strftime("%Y%m%dT%H", time.gmtime())
            self._seal([version for version, segment in self._segments.items() if segment.hour != hour])
        self._flush()
        self._seal(list(self._segments))

    def _flush(self) -> None:
        by_version: dict[int, list[Entry]] = {}
        taken = 0
        for _ in range(len(self._queue)):
            entry = self._queue.popleft()
            taken += len(entry.scored)
            by_version.setdefault(entry.version, []).append(entry)
        for version, entries in by_version.items():
            rows = sum(len(entry.scored) for entry in entries)
            if self._try(lambda version=version, entries=entries: self._write(version, entries)):
                self._written += rows
            else:
                self._lost += rows
        self._taken += taken

    def _write(self, version: int, entries: list[Entry]) -> None:
        batch = record_batch(entries, self._signatures[version], self._schemas[version])
        if version not in self._segments:
            self._segments[version] = Segment(self.folder, self._schemas[version], f"v{version:04d}")
        self._segments[version].append(batch)

    def _seal(self, versions: list[int]) -> None:
        for version in versions:
            self._try(self._segments.pop(version).seal)

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


def log_schema(signature: Signature) -> pa.Schema:
    """Columns of the log. A data column that has the name of one of the log's own is kept as `data.<name>`."""
    fields = [pa.field(name, kind) for name, kind in OWN.items()]
    fields += [
        pa.field(data_column(field.name), TYPES[field.type], metadata={"column": field.name})
        for field in signature.fields
    ]
    fields.append(pa.field("prediction", ANSWERS[signature.outputs[0].type]))
    fields += [pa.field(probability_column(label), pa.float64()) for label in signature.classes or ()]
    return pa.schema(fields, metadata={"model": signature.name})


def data_column(name: str) -> str:
    """The log's name for a column of the data."""
    own = name in OWN or name == "prediction" or name.startswith(("probability_", "data."))
    return f"data.{name}" if own else name


def record_batch(entries: list[Entry], signature: Signature, schema: pa.Schema) -> pa.RecordBatch:
    """One row for each row of each entry, in the order of the requests."""
    counts = np.array([len(entry.scored) for entry in entries])
    total = int(counts.sum())

    def spread(values: list[str]) -> pa.Array:
        return texts([value for value, count in zip(values, counts, strict=True) for _ in range(count)])

    def repeated(values: list[Any], kind: str, dtype: Any) -> pa.Array:
        return column(kind, np.repeat(np.array(values, dtype), counts))

    rows = np.concatenate([np.arange(count) for count in counts])
    arrays = [
        spread([entry.request_id for entry in entries]),
        column("integer", rows),
        repeated([entry.time_us for entry in entries], "timestamp", np.int64),
        spread([signature.name] * len(entries)),
        column("integer", np.full(total, entries[0].version)),
        spread([entry.route for entry in entries]),
        repeated([entry.latency_ms for entry in entries], "number", np.float64),
    ]
    arrays += [
        column(field.type, _joined([entry.scored.columns[field.name] for entry in entries]))
        for field in signature.fields
    ]
    arrays.append(column(signature.outputs[0].type, _joined([entry.scored.prediction for entry in entries])))
    if signature.classes:
        shares = _joined([entry.scored.probability for entry in entries])
        arrays += [column("number", shares[:, at]) for at in range(len(signature.classes))]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _joined(parts: list[Any]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
