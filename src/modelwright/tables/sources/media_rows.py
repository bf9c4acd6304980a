"""Makes a table of a folder or archive of media files: a row per file, what its name and its first bytes say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading, Refusal
from modelwright.tables.sources.archives import entries, entry_names
from modelwright.tables.sources.arrow_rows import Rows, batches_of, read_batches

SQL_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE"}
Described = Mapping[str, str | int | float]


def naming_columns(pattern: str | None) -> list[str]:
    """What names say: the folder that a file is in, or the groups of a pattern."""
    return ["label"] if pattern is None else list(re.compile(pattern).groupindex)


def read_media(
    engine: Engine,
    place: Path,
    shown: str,
    suffixes: Sequence[str],
    pattern: str | None,
    describe: Callable[[bytes], Described],
    kinds: Mapping[str, str],
) -> Reading:
    """`describe` gives the columns of `kinds` ("string", "int64", "double"), or raises ValueError with the reason."""
    names = entry_names(place, suffixes, shown)
    if not names:
        raise DataError(f"no file ends in {', '.join(suffixes)}", where=shown)
    said = naming_columns(pattern)
    types = {**dict.fromkeys(["path", *said], "string"), **kinds, "bytes": "int64", "digest": "string"}
    refused: list[Refusal] = []
    found = _rows(place, names, shown, pattern, describe, refused)
    batches = batches_of(list(types), found, {name: pa.type_for_alias(kind) for name, kind in types.items()})
    rows = Rows(shown, batches, lambda numbers: [0 for _ in numbers], refused)
    return read_batches(engine, {name: SQL_TYPES[kind] for name, kind in types.items()}, [rows], textual=True)


def _rows(
    place: Path,
    names: Sequence[str],
    shown: str,
    pattern: str | None,
    describe: Callable[[bytes], Described],
    refused: list[Refusal],
) -> Iterator[Sequence[object]]:
    for entry in entries(place, names, shown):
        said = _said(entry.name, pattern)
        try:
            if said is None:
                raise ValueError("the name does not match the pattern")
            described = describe(entry.content)
        except ValueError as error:
            refused.append((f"{shown}/{entry.name}", None, None, None, str(error)))
            continue
        digest = hashlib.sha256(entry.content).hexdigest()
        yield entry.name, *said, *described.values(), len(entry.content), digest


def _said(name: str, pattern: str | None) -> list[str | None] | None:
    if pattern is None:
        return [PurePosixPath(name).parent.name or None]
    found = re.search(pattern, name)
    return None if found is None else list(found.groupdict().values())
