"""Folders whose names hold values, `year=2026/month=02/`, as Hive, Spark and Arrow write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from modelwright.core.errors import DataError

FOLDER = re.compile(r"([^=/]+)=(.*)", re.DOTALL)
MISSING = "__HIVE_DEFAULT_PARTITION__"
WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})")


def is_partitioned(folder: Path) -> bool:
    """A folder without files of its own but with folders such as `year=2026`."""
    return folder.is_dir() and not any(folder.glob("*.parquet")) and any(_named(folder))


def partitioned_files(folder: Path) -> list[Path]:
    found = (path for path in folder.glob("**/*.parquet") if path.is_file())
    return sorted(path for path in found if not any(part.startswith((".", "_")) for part in _parts(folder, path)))


def partitions_of(folder: Path, files: Sequence[Path]) -> list[Mapping[str, str | int | None]]:
    """For each file what its folders say: whole numbers where all values of a name are, else text.

    DataError when files lie at different depths, or under other names.
    """
    found = [_values(folder, path) for path in files]
    for path, values in zip(files, found, strict=True):
        if list(values) != list(found[0]):
            raise DataError(
                f"lies under {', '.join(values) or 'nothing'}, others under {', '.join(found[0])}",
                where=str(path.relative_to(folder)),
            )
    whole = {name for name in found[0] if all(WHOLE.fullmatch(values[name] or "0") for values in found)}
    return [
        {name: int(value) if name in whole and value is not None else value for name, value in values.items()}
        for values in found
    ]


def _values(folder: Path, path: Path) -> dict[str, str | None]:
    pairs = [found.groups() for part in _parts(folder, path.parent) if (found := FOLDER.fullmatch(part))]
    return {unquote(name): None if value == MISSING else unquote(value) for name, value in pairs}


def _parts(folder: Path, path: Path) -> tuple[str, ...]:
    return path.relative_to(folder).parts


def _named(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and FOLDER.fullmatch(path.name)]
