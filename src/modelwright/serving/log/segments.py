"""Files of the prediction log: an Arrow stream that is appended to, then compacted to Parquet when it is sealed.

Every batch reaches the system in one write, so that a killed process loses at most the batch it was writing; a reader
stops at what is torn. The owner holds a lock on the file as long as it lives.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

OPEN, SEALED = ".arrows", ".parquet"
LARGEST = 256_000_000  # bytes of one file; then the next begins, so that nobody needs to read more at once
ROW_GROUP = 100_000


class Segment:
    """One file being appended to; messages are those of `arrow_stream`."""

    def __init__(self, folder: Path, schema: bytes, label: str) -> None:
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        self.path = folder / f"{started}-{os.getpid()}-{label}{OPEN}"
        self.hour = started[:11]
        folder.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self._end = 0
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(schema)
        except BaseException:
            os.close(self._handle)
            self.path.unlink(missing_ok=True)
            raise

    @property
    def full(self) -> bool:
        return self._end >= LARGEST

    def append(self, batch: bytes) -> None:
        """Write one batch; on OSError (a full disk) the file still ends with a whole batch."""
        self._write(batch)

    def release(self) -> None:
        """Nothing more will be written: the next process that compacts may take it."""
        os.close(self._handle)

    def _write(self, message: bytes) -> None:
        rest = memoryview(message)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            os.ftruncate(self._handle, self._end)
            os.lseek(self._handle, self._end, os.SEEK_SET)
            raise
        self._end += len(message)


def compact(path: Path) -> None:
    """Rewrite a stream as Parquet beside it, then remove the stream: at every moment one of them is whole."""
    import pyarrow.parquet as pq

    groups = _row_groups(read_stream(path))
    if (first := next(groups, None)) is not None:
        beside = path.with_suffix(f"{SEALED}.{os.getpid()}.tmp")
        try:
            with pq.ParquetWriter(beside, first.schema, compression="zstd") as writer:
                for group in itertools.chain([first], groups):
                    writer.write_table(group)
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(path.with_suffix(SEALED))
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    path.unlink(missing_ok=True)


def _row_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Many small batches as few large groups, one in memory at a time."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= ROW_GROUP:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def compact_orphans(folder: Path) -> None:
    """Compact the streams of processes that died, and remove what they had half compacted."""
    for path in sorted(folder.glob(f"*{OPEN}")):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another process was faster
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in folder.glob(f"{path.stem}{SEALED}.*.tmp"):
                left.unlink(missing_ok=True)
            compact(path)
        except BlockingIOError:
            continue  # its owner lives
        finally:
            os.close(handle)


def read_stream(path: Path) -> Iterator[pa.RecordBatch]:
    """The whole batches of a stream, also while it is written."""
    import pyarrow as pa

    with path.open("rb") as file:  # not mapped: its owner cuts off what a full disk did not take
        try:
            reader = pa.ipc.open_stream(file)
            while True:
                yield reader.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return
