"""Where a folder or archive of media files is, and which files it consists of. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.names import nearest
from modelwright.tables.sources.archives import entry_names, is_zip


def media_place(base: Path, path: str) -> Path:
    """The folder or zip archive. DataError when it is neither."""
    place = base.absolute() / path
    if place.is_dir() or is_zip(place):
        return place
    if place.exists():
        raise DataError(f"{path}: neither a folder nor a zip archive")
    near = nearest(place.name, [file.name for file in place.parent.iterdir()] if place.parent.is_dir() else [])
    meant = f"did you mean {Path(path).parent / near}?" if near else "paths are relative to the spec file"
    raise DataError(f"{path}: no such folder or archive", hint=meant)


def media_files(base: Path, path: str, suffixes: Sequence[str]) -> list[Path]:
    place = media_place(base, path)
    if not place.is_dir():
        return [place]
    found = [place / name for name in entry_names(place, suffixes, path)]
    if not found:
        raise DataError(f"{path}: no file in it ends in {', '.join(suffixes)}")
    return found
