"""Which files a reader's path means; standard library only, so that planning stays cheap."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.names import nearest

PACKED = (".gz", ".zst")  # compressed files are named by what is in them: rides.csv.gz
FORMATS = {  # what a folder of data may hold; other files, such as a README, are passed over
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
}


def find_files(base: Path, paths: str | Sequence[str], suffixes: str | Sequence[str]) -> list[Path]:
    """The files of paths, globs (`**` too) and folders (their files ending in a suffix), sorted, each once.

    DataError when a path means no file: a typo must never shrink the data silently. Nor is a folder of several formats
    read in part.
    """
    endings = (suffixes,) if isinstance(suffixes, str) else tuple(suffixes)
    found: set[Path] = set()
    for pattern in [paths] if isinstance(paths, str) else paths:
        matches = _matches(base.absolute() / pattern, pattern, endings)
        if not matches:
            raise _nothing(base / pattern, pattern, endings)
        found.update(matches)
    return sorted(found)


def suffix_of(path: Path) -> str:
    """`.csv` of rides.csv and of rides.csv.gz."""
    name = path.name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return Path(name).suffix


def shown(path: Path, base: Path) -> str:
    """The path as messages and `rejects.parquet` write it: relative to the spec's folder where it lies below."""
    return str(path.relative_to(base)) if path.is_relative_to(base) else path.name


def _matches(path: Path, pattern: str, endings: Sequence[str]) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        return _of_folder(path, pattern, endings)
    return [file for file in Path(path.anchor).glob(str(path.relative_to(path.anchor))) if file.is_file()]


def _of_folder(folder: Path, pattern: str, endings: Sequence[str]) -> list[Path]:
    visible = [file for file in folder.iterdir() if file.is_file() and not file.name.startswith((".", "_"))]
    found = [file for file in visible if suffix_of(file) in endings]
    others = sorted(file.name for file in visible if suffix_of(file) in FORMATS and file not in found)
    if found and others:
        raise DataError(
            f"{pattern}: the folder holds files of several formats: {min(found).name} and {others[0]}",
            hint=f"say which are meant, for example path: {Path(pattern) / '*'}{suffix_of(min(found))}",
        )
    return found


def _nothing(path: Path, pattern: str, endings: Sequence[str]) -> DataError:
    if path.is_dir():
        wanted = " or ".join(f"*{ending}" for ending in endings)
        return DataError(
            f"{pattern}: the folder holds no {wanted}", hint=f"name files, or a glob such as folder/*{endings[0]}"
        )
    if glob.has_magic(pattern):
        return DataError(f"{pattern}: no file matches", hint="paths are relative to the spec file")
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, siblings)
    meant = f"did you mean {Path(pattern).parent / near}?" if near else "paths are relative to the spec file"
    return DataError(f"{pattern}: no such file", hint=meant)
