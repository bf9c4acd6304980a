"""Digests of data files, remembered by file stat so that nothing unchanged is read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from modelwright.core.canonical import to_json
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.runs.durable import replace, resource_error, sweep
from modelwright.runs.locks import lock

CACHE = ".digests.json"
LOCK = ".digests.lock"
MOST_FILES = 20_000
# A file changed within the clock's tick after we read it would look unchanged: digests of files
# younger than this are not remembered (git does the same for its index).
SETTLED_NS = 2_000_000_000

Stat = list[int]


def file_digest(path: Path, cache_folder: Path | None) -> str:
    """sha256 of a file."""
    return file_digests([path], cache_folder)[0]


def file_digests(paths: Iterable[Path], cache_folder: Path | None) -> list[str]:
    """sha256 of each file, reading and writing the cache once. DataError when one can't be read."""
    known = {} if cache_folder is None else _load(cache_folder / CACHE)
    learnt: dict[str, tuple[Stat, str]] = {}
    found = []
    for path in paths:
        place = str(Path(path).absolute())
        try:
            before = os.stat(path)  # noqa: PTH116  # links are followed: the data counts
            entry = known.get(place)
            if entry and entry[0] == _key(before):
                found.append(entry[1])
                continue
            sha256 = _hash(path)
            after = os.stat(path)  # noqa: PTH116  # as above
        except OSError as error:
            lacking = resource_error(error, path)
            raise lacking or DataError(f"can't be read: {error.strerror}", where=str(path)) from error
        found.append(sha256)
        age_ns = time.time_ns() - max(after.st_mtime_ns, after.st_ctime_ns)
        if _key(before) == _key(after) and age_ns > SETTLED_NS:
            learnt[place] = (_key(after), sha256)
    if cache_folder is not None and learnt:
        _save(cache_folder, learnt)
    return found


def _key(stat: os.stat_result) -> Stat:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns]


def _hash(path: Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load(path: Path) -> dict[str, tuple[Stat, str]]:
    """What is remembered; nothing when the file is missing or damaged, since it only saves time."""
    try:
        content = json.loads(path.read_bytes())
        return {str(place): (list(stat), str(sha256)) for place, (stat, sha256) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _save(cache_folder: Path, learnt: dict[str, tuple[Stat, str]]) -> None:
    """Add to the cache. One that can't be written (read-only, in use) only costs time."""
    try:
        with lock(cache_folder / LOCK):
            sweep(cache_folder)
            entries = {**_load(cache_folder / CACHE), **learnt}
            replace(cache_folder / CACHE, to_json(entries if len(entries) <= MOST_FILES else learnt))
    except (OSError, ModelwrightError):
        return
