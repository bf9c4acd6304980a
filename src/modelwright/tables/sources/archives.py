"""Lists the files of a folder or of a zip archive; members of archives are read where they are, never extracted."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelwright.core.errors import DataError
from modelwright.core.units import format_bytes

ZIP_MAGIC = b"PK\x03\x04"
MOST_MEMBERS = 1_000_000
MOST_BYTES = 1_000_000_000  # of one member, unpacked
MOST_TIMES_LARGER = 500
ALWAYS_FINE = 16_000_000


@dataclass(frozen=True)
class Entry:
    """A file by its path within the folder or archive."""

    name: str
    content: bytes


def is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == ZIP_MAGIC


def entry_names(place: Path, suffixes: Sequence[str], shown: str) -> list[str]:
    """The files ending in a suffix, at any depth, sorted."""
    if place.is_dir():
        found = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
        names = [path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)]
    else:
        with opened_zip(place, shown) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
    return sorted(name for name in names if name.lower().endswith(tuple(suffixes)) and "__MACOSX" not in name)


def entries(place: Path, names: Sequence[str], shown: str) -> Iterator[Entry]:
    """Their content, one at a time."""
    if place.is_dir():
        for name in names:
            path = place / name
            if path.stat().st_size > MOST_BYTES:
                raise DataError(f"more than {format_bytes(MOST_BYTES)}", where=f"{shown}/{name}")
            yield Entry(name, path.read_bytes())
        return
    with opened_zip(place, shown) as archive:
        for name in names:
            yield Entry(name, archive.read(name))


@contextmanager
def opened_zip(path: Path, shown: str) -> Iterator[zipfile.ZipFile]:
    """DataError for an archive that is damaged, encrypted, or made to fill memory or to confuse."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive, shown)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"the archive is damaged: {error}", where=shown, hint="get it again") from error
    except (NotImplementedError, RuntimeError) as error:
        raise DataError(f"the archive can't be read: {error}", where=shown) from error


def check_members(archive: zipfile.ZipFile, shown: str) -> None:
    """Sizes are those that the directory promises; reading stops there (S5)."""
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise DataError(f"{len(members):,} members are more than {MOST_MEMBERS:,}", where=shown)
    seen: set[str] = set()
    for member in members:
        name, place = member.filename, PurePosixPath(member.filename)
        if name in seen:
            raise DataError(f'two members are called "{name}"', where=shown)
        seen.add(name)
        if place.is_absolute() or ".." in place.parts or stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f'the member "{name}" leads out of the archive', where=shown)
        most = max(MOST_TIMES_LARGER * member.compress_size, ALWAYS_FINE)
        if member.file_size > min(most, MOST_BYTES):
            raise DataError(
                f"{name}: {format_bytes(member.compress_size)} unpack to {format_bytes(member.file_size)}: "
                "a decompression bomb?",
                where=shown,
                hint="if it is meant, unpack the archive and name the folder",
            )
