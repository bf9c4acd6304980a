"""Looks into a data file or folder: which reader it is for, with which options, and its first rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelwright.core.errors import DataError
from modelwright.spec.delimited import look_at_delimited
from modelwright.spec.sample import SAMPLE_ROWS, SampledColumn, sampled_columns
from modelwright.tables.sources.files import FORMATS, suffix_of
from modelwright.tables.sources.recognition import kind_of

MEMORY = 500_000_000
BY_LINE = ("jsonl", "lines")  # of these the first lines show enough
SPEECH = re.compile(r"[^:\n]{1,40}:\n")
SPEAKER = r"(?P<speaker>[^:\n]+):(?:\n(?P<text>(?s:.+)))?"
ENTITIES = {"baskets": "basket", "ts": "series"}  # columns whose rows belong together
COPIES = {"images": "digest", "audio": "digest"}  # columns that tell copies, and nothing else


@dataclass(frozen=True)
class Look:
    """A reader's kind and options, as a spec writes them beside `path`, and its columns; `notes` are for the person."""

    kind: str
    columns: tuple[SampledColumn, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # by column: role and why
    notes: tuple[str, ...] = ()


def look(path: Path, target: str) -> Look:
    """DataError when nothing can read it, or there are no rows."""
    kind = kind_of(path)
    if kind == "csv" and path.is_file():
        found = look_at_delimited(path, target)
        if found is not None:
            return Look("csv", found.columns, found.options, notes=found.notes)
        kind = "baskets"
    if kind == "csv":
        first = min(file for file in path.iterdir() if FORMATS.get(suffix_of(file)) == "csv")
        inside = look(first, target)
        return Look(inside.kind, inside.columns, inside.options, inside.roles, inside.notes)
    if kind == "sqlite":
        raise DataError("an SQLite file", where=str(path), hint="write source: {kind: sqlite, path: …, table: …}")
    options = _options(kind, path)
    names, rows = _parquet(path) if kind == "parquet" and path.is_file() else _read(kind, path, options)
    return Look(kind, sampled_columns(names, rows), options, _roles(kind, names))


def _options(kind: str, path: Path) -> dict[str, Any]:
    if kind == "idx":
        labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        return {"labels": labels} if labels != path and labels.exists() else {}
    if kind == "lines":
        return _of_text(path)
    if kind in ("audio", "images"):
        return _of_names(path)
    return {}


def _of_text(path: Path) -> dict[str, Any]:
    """Paragraphs, where blank lines part them; each of a speaker, where it begins with a name."""
    paragraphs = re.split(r"\n\s*\n", path.read_text("utf-8", errors="replace")[:1_000_000].strip())
    if len(paragraphs) < 10:
        return {}
    spoken = sum(1 for paragraph in paragraphs if SPEECH.match(paragraph))
    return {"unit": "paragraph", **({"pattern": SPEAKER} if spoken >= 0.9 * len(paragraphs) else {})}


def _of_names(path: Path) -> dict[str, Any]:
    """The first part of each name is the label, where all files are in one folder and share a scheme."""
    from modelwright.tables.sources.archives import entry_names
    from modelwright.tables.sources.recognition import IMAGES, SOUNDS

    names = entry_names(path, (*SOUNDS, *IMAGES), path.name)
    folders = {name.rpartition("/")[0] for name in names}
    firsts = {re.split(r"[_-]", name.rpartition("/")[2])[0] for name in names if re.search(r"[_-][^/]*$", name)}
    if len(folders) == 1 and 1 < len(firsts) <= len(names) / 5:
        return {"pattern": r"(?P<label>[^/_-]+)[_-][^/]*$"}
    return {}


def _roles(kind: str, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    found = {}
    if kind in ENTITIES:
        found[ENTITIES[kind]] = ("entity", "its rows belong together: no split tears them")
    if kind in COPIES:
        found["path"] = ("id", "says which file it is")
        found[COPIES[kind]] = ("ignore", "equal for copies: {kind: drop_duplicates, keys: [digest]}")
    if kind == "lines" and "line" in names:
        found["line"] = ("id", "where it stands")
    return found


def _read(kind: str, path: Path, options: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """With the reader itself; of files whose rows are lines only the first."""
    from modelwright.parts import catalog
    from modelwright.tables.engine import open_engine
    from modelwright.tables.reading import FILE

    with TemporaryDirectory(prefix="modelwright-") as scratch:
        folder = Path(scratch).resolve()
        place = _first_lines(path, folder) if kind in BY_LINE and path.is_file() else path.absolute()
        reader = catalog.load("readers", kind).model_validate({"path": str(place), **_plain(options)})
        with open_engine(folder / "engine", memory=MEMORY, threads=1, readable=[place, folder]) as engine:
            reading = reader.read(engine, place.parent)  # type: ignore[attr-defined]  # of the room of readers
            found = engine.rows(f'SELECT * EXCLUDE ("{FILE}") FROM raw LIMIT {SAMPLE_ROWS}')
    return list(reading.columns), [["" if value is None else str(value) for value in row] for row in found]


def _first_lines(path: Path, folder: Path) -> Path:
    from modelwright.tables.sources.unpacking import opened

    copy = folder / path.name.removesuffix(".gz").removesuffix(".zst")
    with opened(path, str(path)) as content, copy.open("wb") as file:
        file.writelines(islice(content, SAMPLE_ROWS))
    return copy


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in options.items()}


def _parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    """The first rows alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = list(file.schema_arrow.names)
        batch = next(file.iter_batches(SAMPLE_ROWS), None)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"can't be read as Parquet: {error}", where=str(path)) from None
    columns = [] if batch is None else [column.to_pylist() for column in batch.columns]
    return names, [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
