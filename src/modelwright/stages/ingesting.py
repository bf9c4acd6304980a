"""Reads the source of prepare; of a growing folder only what the last run has not read already.

With `incremental: true` a run keeps the rows of each file as they were read, before types are given: `ingested/` has a
Parquet file for each, named by the file's digest, `ingested.json` what else reading found. The next run of the spec
takes from there what has not changed. All rows are typed, cleaned and split anew, so the tables are those that reading
everything gives.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.canonical import digest, to_json
from modelwright.core.errors import DataError
from modelwright.core.progress import Progress
from modelwright.runs.digests import file_digests
from modelwright.runs.installed import code_digest, library_digest

if TYPE_CHECKING:
    from modelwright.parts.base import Reader
    from modelwright.runs.store import Run
    from modelwright.stages.job import Job
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Lines, Reading, TextRules

KEPT = "ingested"
STATE = "ingested.json"
AGAIN_MEMORY = 300_000_000


@dataclass(frozen=True)
class Ingested:
    """What a run keeps of one file; `columns` are names and SQL types, `refused` rows of `rejects`."""

    name: str
    digest: str
    columns: list[tuple[str, str]]
    rows: int
    refused: list[list[Any]]
    textual: bool

    @property
    def file(self) -> str:
        return f"{KEPT}/{self.digest}.parquet"


@dataclass(frozen=True)
class Piece:
    """One file or object of the source, and a reader of it alone."""

    reader: Reader
    digest: str


def read_source(engine: Engine, job: Job, keep: Path, progress: Progress) -> Reading:
    """Fill the engine's `raw` and `rejects`. DataError when a file changes meanwhile: it is not what its digest says.

    `keep`: the folder of the run that is being made.
    """
    source = job.spec.prepare.source
    paths = source.inputs(job.base)
    before = [_stamp(path) for path in paths]
    growing = getattr(source, "incremental", False)
    found = _read_growing(engine, job, source, keep, progress) if growing else source.open(engine, job.base)
    for path, stamp in zip(paths, before, strict=True):
        if _stamp(path) != stamp:
            raise DataError("the file changed while it was read", where=str(path), hint="run it again")
    return found


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _read_growing(engine: Engine, job: Job, source: Reader, keep: Path, progress: Progress) -> Reading:
    settings = _settings(source)
    last = _last_run(job, settings)
    known = {} if last is None else {entry["digest"]: entry for entry in last.read_json(STATE)["files"]}
    pieces, found = _pieces(job, source), []
    (keep / KEPT).mkdir(exist_ok=True)
    for piece in pieces:
        entry = known.get(piece.digest)
        if last is not None and entry is not None:
            found.append(_taken(last, Ingested(**entry), keep))
        else:
            found.append(_ingest(engine, piece, job.base, keep))
    fresh = sum(1 for piece in pieces if piece.digest not in known)
    gone = len(known.keys() - {piece.digest for piece in pieces})
    taken = f", {len(pieces) - fresh:,} taken from {last.label}" if last else ""
    dropped = f"; {gone:,} of {last.label} are gone, and their rows" if last and gone else ""
    progress.say(f"read {fresh:,} new or changed files{taken}{dropped}")
    content = {"settings": settings, "files": [asdict(entry) for entry in found]}
    (keep / STATE).write_bytes(to_json(content))
    return _joined(engine, source, job.base, keep, pieces, found)


def _taken(last: Run, entry: Ingested, keep: Path) -> Ingested:
    if entry.rows:
        shutil.copyfile(last.file(entry.file), keep / entry.file)
    return entry


def _settings(source: Reader) -> str:
    """What the rows of a file depend on beside its content."""
    options = source.model_dump(mode="json", exclude={"path", "filesystem", "incremental"})
    return digest([options, code_digest(), library_digest()])


def _last_run(job: Job, settings: str) -> Run | None:
    """The newest run that read files in the same way."""
    for run in job.store.runs(job.spec.name, "prepare"):
        if STATE in run and run.read_json(STATE)["settings"] == settings:
            return run
    return None


def _pieces(job: Job, source: Reader) -> list[Piece]:
    """Local files by what is in them, objects by their tags; in the order in which they are read together."""
    paths = source.inputs(job.base)
    digests = file_digests(paths, job.store.root)
    remote = sorted((source.fingerprint(job.base) or {}).items()) if hasattr(source, "filesystem") else []
    alone = [(str(path), sha256) for path, sha256 in zip(paths, digests, strict=True)]
    alone += [(url, digest([url, tag])) for url, tag in remote]
    return [Piece(source.model_copy(update={"path": place, "incremental": False}), sha256) for place, sha256 in alone]


def _ingest(engine: Engine, piece: Piece, base: Path, keep: Path) -> Ingested:
    """Read one file, and keep what was found."""
    from modelwright.tables.engine import quote
    from modelwright.tables.reading import FILE, NoRows, clear

    try:
        reading = piece.reader.read(engine, base)
    except NoRows as error:
        clear(engine)
        return Ingested(error.problems[0].where or "", piece.digest, [], 0, [], textual=True)
    columns = [(name, kind) for name, kind in engine.columns("raw") if name != FILE]
    refused = [list(row) for row in engine.rows('SELECT line, "column", value, reason FROM rejects ORDER BY rowid')]
    entry = Ingested(reading.files[0], piece.digest, columns, reading.rows, refused, reading.textual)
    engine.write_parquet(f"SELECT * EXCLUDE ({quote(FILE)}) FROM raw", keep / entry.file)
    clear(engine)
    return entry


def _joined(
    engine: Engine, source: Reader, base: Path, keep: Path, pieces: Sequence[Piece], found: Sequence[Ingested]
) -> Reading:
    """`raw` as reading all files at once fills it."""
    from modelwright.tables import reading
    from modelwright.tables.engine import literal, quote
    from modelwright.tables.reading import FILE, Reading
    from modelwright.tables.sources.parquet_rows import joined

    columns: dict[str, str] = {}
    filled = [entry for entry in found if entry.rows]
    if not filled:
        raise reading.NoRows("no rows", where=found[0].name)
    for entry in filled:
        held = dict(entry.columns)
        if source.kind == "jsonl":  # a key is a column, whichever lines have it
            columns |= held
        else:
            columns = joined(columns, held, filled[0].name, entry.name) if columns else held
    names = [entry.name for entry in found]
    scans = [
        f"SELECT {_listed(entry, columns)}, {number} AS {quote(FILE)} "
        f"FROM read_parquet({literal(str(keep / entry.file))})"
        for number, entry in enumerate(found)
        if entry.rows
    ]
    reading.start(engine, columns, names, " UNION ALL ".join(scans))
    starts, total = [], 0
    for entry in found:
        starts.append(total)
        total += entry.rows
        reading.refuse(
            engine, [(entry.name, line, column, value, reason) for line, column, value, reason in entry.refused]
        )
    lines = tuple(_lines_again(engine, piece, base) for piece in pieces)
    rejected = sum(len(entry.refused) for entry in found)
    shown, rules = tuple(names), _rules(source)
    return Reading(shown, tuple(columns), total, rejected, filled[0].textual, rules, tuple(starts), lines, lazy=True)


def _listed(entry: Ingested, columns: Mapping[str, str]) -> str:
    from modelwright.tables.engine import quote

    held = {name for name, _ in entry.columns}
    return ", ".join(
        f"{quote(name) if name in held else 'NULL'}::{kind} AS {quote(name)}" for name, kind in columns.items()
    )


def _rules(source: Reader) -> TextRules:
    from modelwright.tables.reading import TextRules

    words = getattr(source, "null_words", None)
    if words is None:
        return TextRules()
    return TextRules(tuple(words), getattr(source, "strip", False), getattr(source, "decimal", "."))


def _lines_again(engine: Engine, piece: Piece, base: Path) -> Lines:
    """Lines are asked for only where something is wrong with a row; then the file is read again."""
    from modelwright.tables.engine import open_engine

    def lines(rows: Sequence[int]) -> Sequence[int]:
        folder = engine.folder / f"again-{piece.digest[:16]}"
        with open_engine(folder, memory=AGAIN_MEMORY, threads=1, readable=piece.reader.inputs(base)) as other:
            found: Sequence[int] = piece.reader.read(other, base).lines[0](rows)
            return found

    return lines
