"""Which files a reader's path means; standard library only, so that planning stays cheap."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.names import nearest


def find_files(base: Path, paths: str | Sequence[str], suffix: str) -> list[Path]:
    """The files of paths, globs (`**` too) and folders (their files ending in `suffix`), sorted, each once.

    DataError when a path means no file: a typo must never shrink the data silently.
    """
    found: set[Path] = set()
    for pattern in [paths] if isinstance(paths, str) else paths:
        matches = _matches(base.absolute() / pattern, suffix)
        if not matches:
            raise _nothing(base / pattern, pattern)
        found.update(matches)
    return sorted(found)


def _matches(path: Path, suffix: str) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        return [file for file in path.glob(f"*{suffix}") if file.is_file()]
    return [file for file in Path(path.anchor).glob(str(path.relative_to(path.anchor))) if file.is_file()]


def _nothing(path: Path, pattern: str) -> DataError:
    if path.is_dir():
        return DataError(f"{pattern}: the folder holds no such file", hint="name files, or a glob such as folder/*.csv")
    if glob.has_magic(pattern):
        return DataError(f"{pattern}: no file matches", hint="paths are relative to the spec file")
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, siblings)
    meant = f"did you mean {Path(pattern).parent / near}?" if near else "paths are relative to the spec file"
    return DataError(f"{pattern}: no such file", hint=meant)


def shown(path: Path, base: Path) -> str:
    """The path as messages and `rejects.parquet` write it: relative to the spec's folder where it lies below."""
    return str(path.relative_to(base)) if path.is_relative_to(base) else path.name
