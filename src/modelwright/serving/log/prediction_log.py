"""The prediction log: what was asked and answered, row by row, written by a thread that requests never wait for."""

from __future__ import annotations

import functools
import logging
import subprocess
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.serving.log.arrow_stream import Field, schema_message
from modelwright.serving.log.compacting import PATIENCE_S, start_compacting
from modelwright.serving.log.entries import Logged, drawn_of, log_schema, record_batch
from modelwright.serving.log.segments import Segment
from modelwright.serving.signature import Signature

logger = logging.getLogger(__name__)

FLUSH_S = 1.0
PACK_ROWS = 250  # more at once hold up requests for longer
MANY_ROWS = 64  # of one call of the graph
FLUSH_ROWS = 5_000  # more take more memory; each waking of the writer holds up requests too


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
            drawn = drawn_of(entry, self._sample)
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
