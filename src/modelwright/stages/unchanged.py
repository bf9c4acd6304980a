"""Notices when a source's files change while they are read: what came of them would be of neither version."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.runs.digests import file_digests

HINT = "is something still writing to it? prepare again when it is whole"

Stat = tuple[int, ...] | None  # None: there is no such file


@contextmanager
def unchanged(files: Sequence[Path], digests: Sequence[str], cache_folder: Path | None) -> Iterator[None]:
    """DataError, whatever else went wrong inside, when a file is not what it was; `digests` are those of the plan."""
    before = [_stat(path) for path in files]
    try:
        yield
    except Exception as error:
        _compare(files, before, error)
        raise
    _compare(files, before, None)
    for path, expected, found in zip(files, digests, file_digests(files, cache_folder), strict=True):
        if found != expected:
            raise DataError("the file changed before it was read", where=str(path), hint=HINT)


def _compare(files: Sequence[Path], before: Sequence[Stat], error: Exception | None) -> None:
    for path, stat in zip(files, before, strict=True):
        if _stat(path) != stat:
            raise DataError("the file changed while it was read", where=str(path), hint=HINT) from error


def _stat(path: Path) -> Stat:
    try:
        found = os.stat(path)  # noqa: PTH116  # links are followed: the data counts
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)
