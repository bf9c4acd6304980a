"""Makes what a reader's path means plain local files: unpacked, fetched, or taken from standard input."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.tables.sources.files import PACKED, find_files, shown
from modelwright.tables.sources.remote import Access, find, is_url, open_remote
from modelwright.tables.sources.unpacking import packing, unpack

FETCHED = "fetched"  # the folder of copies
STDIN = "-"


@dataclass(frozen=True)
class Fetched:
    """A plain local file, what messages call it, and the name that it has where it comes from, unpacked."""

    path: Path
    shown: str
    name: str


def fetch(
    folder: Path, base: Path, paths: str | Sequence[str], suffixes: Sequence[str], access: Access | None = None
) -> list[Fetched]:
    """Copies are put into `folder`; files that need none stay where they are. Sorted: local ones, then URLs."""
    listed = [paths] if isinstance(paths, str) else list(paths)
    copies = folder / FETCHED
    local = [path for path in listed if path != STDIN and not is_url(path)]
    found = [_local(path, shown(path, base), copies) for path in (find_files(base, local, suffixes) if local else ())]
    for url in sorted({path for path in listed if is_url(path)}):
        found += _remote(url, suffixes, access or Access(), copies, len(found))
    if STDIN in listed:
        found.append(_stdin(copies))
    return found


def _local(path: Path, name: str, copies: Path) -> Fetched:
    if packing(path) is None:
        return Fetched(path, name, path.name)
    copies.mkdir(exist_ok=True)
    copy = copies / f"{sum(1 for _ in copies.iterdir()):05d}"
    unpack(path, copy, name)
    return Fetched(copy, name, _without_packing(path.name))


def _remote(url: str, suffixes: Sequence[str], access: Access, copies: Path, number: int) -> list[Fetched]:
    found = []
    copies.mkdir(exist_ok=True)
    for position, remote in enumerate(find(url, suffixes, access)):
        copy = copies / f"remote-{number + position:05d}"
        with open_remote(remote, access) as stream, copy.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        if copy.stat().st_size != remote.bytes:
            raise DataError("the object changed while it was read", where=remote.url, hint="run it again")
        packed = copy.rename(copy.with_suffix(".packed")) if packing(copy) else None
        if packed is not None:
            unpack(packed, copy, remote.url)
            packed.unlink()
        found.append(Fetched(copy, remote.url, _without_packing(remote.path.rpartition("/")[2])))
    return found


def _stdin(copies: Path) -> Fetched:
    """Can be read once only, so it is kept."""
    copies.mkdir(exist_ok=True)
    copy, stream = copies / "stdin", sys.stdin.buffer
    if stream.isatty():
        raise DataError("standard input is the terminal", hint="pipe data in: … | modelwright prepare SPEC")
    with copy.open("wb") as file:
        shutil.copyfileobj(stream, file)
    if packing(copy):
        packed = copy.rename(copies / "stdin.packed")
        unpack(packed, copy, "stdin")
        packed.unlink()
    return Fetched(copy, "stdin", "stdin")


def _without_packing(name: str) -> str:
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name
