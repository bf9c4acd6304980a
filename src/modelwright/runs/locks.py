"""One process at a time: advisory file locks that the system drops when their owner dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelwright.core.errors import LockedError
from modelwright.runs.durable import make_folders, resources

RETRY_S = 0.02
PID_S = 0.3  # how long a new owner may take to write its pid


@contextmanager
def lock(path: Path, *, what: str = "", wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path`. LockedError names the owner's pid, after trying for `wait_s`."""
    with resources(path):
        make_folders(path.parent)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        _acquire(handle, what or str(path), wait_s)
        with resources(path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)  # drops the lock; the file stays, since removing it would let two owners in


def _acquire(handle: int, what: str, wait_s: float) -> None:
    started = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - started
            owner = _owner(handle)
            if waited >= wait_s and (owner or waited >= PID_S):
                break
        time.sleep(RETRY_S)
    raise LockedError(
        f"{what} is in use by process {owner or 'unknown'}",
        hint="wait for it to end, or end it; then run this again",
    )


def _owner(handle: int) -> int | None:
    """The pid in the lock file, if that process lives."""
    text = os.pread(handle, 32, 0).strip()
    if not text.isdigit():
        return None
    pid = int(text)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return pid
