"""Numbers that one process writes and others may read: in memory, or in a file that all workers of a server share.

A worker's file outlives it, so what it counted is not lost with it. Writing is a store into mapped memory: no lock, no
system call. Each number has one writing thread.
"""

from __future__ import annotations

import mmap
import os
import threading
from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

SLOTS = 4096
BYTES = 8 * SLOTS
VALUES, NAMES = ".values", ".names"

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]  # name of the series and its labels


class Counters:
    """`values[place(key)] += 1` counts; places are given out once and stay."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is where the other workers look; None when there are none."""
        self.folder = folder
        self._places: dict[Key, int] = {}
        self._lock = threading.Lock()
        if folder is None:
            self.values: memoryview[float] = memoryview(array("d", bytes(BYTES)))
            return
        self._names = folder / f"{os.getpid()}{NAMES}"
        self._names.touch()
        with (folder / f"{os.getpid()}{VALUES}").open("w+b") as file:
            file.truncate(BYTES)
            self.values = memoryview(mmap.mmap(file.fileno(), BYTES)).cast("d")

    def place(self, name: str, **labels: object) -> int:
        """Where a series is; RuntimeError when there are too many of them, which only unbounded labels could make."""
        key = (name, tuple((label, str(value)) for label, value in labels.items()))
        found = self._places.get(key)
        return self._new(key) if found is None else found

    def _new(self, key: Key) -> int:
        with self._lock:  # the event loop and the thread that watches
            if key in self._places:
                return self._places[key]
            found = len(self._places)
            if found == SLOTS:
                raise RuntimeError(f"more than {SLOTS} series are counted")
            if self.folder:
                with self._names.open("ab", buffering=0) as names:
                    names.write(msgspec.json.encode(key) + b"\n")
            self._places[key] = found
            return found

    def own(self) -> dict[Key, float]:
        """What this process counted."""
        return {key: self.values[place] for key, place in list(self._places.items())}

    def total(self) -> dict[Key, float]:
        """The same of all workers, those that ended among them."""
        if self.folder is None:
            return self.own()
        found: defaultdict[Key, float] = defaultdict(float)
        for names in sorted(self.folder.glob(f"*{NAMES}")):
            for key, value in _read(names):
                found[key] += value
        return found

    def forget(self, pid: int, name: str) -> None:
        """Set a gauge of a worker that has ended to 0."""
        assert self.folder
        path = self.folder / f"{pid}{NAMES}"
        with suppress(FileNotFoundError):
            for place, (key, _) in enumerate(_read(path)):
                if key[0] == name:
                    with path.with_suffix(VALUES).open("r+b") as file:
                        file.seek(8 * place)
                        file.write(bytes(8))


def _read(names: Path) -> Iterator[tuple[Key, float]]:
    """A worker's keys and values; a name that is being written is left for the next time."""
    values = memoryview(names.with_suffix(VALUES).read_bytes()).cast("d")
    lines = names.read_bytes().split(b"\n")[:-1]
    yield from zip((msgspec.json.decode(line, type=Key) for line in lines), values, strict=False)
