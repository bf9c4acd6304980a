"""Which kind of reader a file or folder is for: by its first bytes, and by its name where several kinds are text.

Standard library only.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.tables.sources.archives import entry_names, is_zip
from modelwright.tables.sources.files import FORMATS, suffix_of
from modelwright.tables.sources.unpacking import opened

START = 64_000  # bytes looked at
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
SOUNDS = (".wav", ".wave")
PLAIN_TEXT = (".txt", ".log", ".text")
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),  # a stream
    (b"SQLite format 3\0", "sqlite"),
    (b"\xd0\xcf\x11\xe0", "excel"),  # before 2007
)
IDX = re.compile(rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x04]", re.DOTALL)


def kind_of(path: Path) -> str:
    """A reader's kind. DataError when there is no such file, or none can read it."""
    if path.is_dir():
        return _of_folder(path)
    if not path.exists():
        raise DataError("there is no such file", where=str(path))
    if is_zip(path):
        return _of_archive(path)
    start = first_bytes(path)
    return _of_start(start) or _of_text(start, path)


def binary_kind(path: Path) -> str | None:
    """The reader of a file that is no text; None where it may be one."""
    if is_zip(path):
        try:
            return _of_archive(path)
        except DataError:
            return None
    return _of_start(first_bytes(path))


def _of_start(start: bytes) -> str | None:
    found = next((kind for magic, kind in MAGIC if start.startswith(magic)), None)
    return "idx" if found is None and IDX.match(start) else found


def first_bytes(path: Path) -> bytes:
    with opened(path, str(path)) as file:
        return file.read(START)


def _of_text(start: bytes, path: Path) -> str:
    text = start.decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()][:50]
    if any(line.strip().lower() == "@data" for line in text.splitlines()):
        return "ts"
    named_table = suffix_of(path) in (".csv", ".tsv")  # whose first column may be called `{`
    braces = bool(lines) and lines[0].lstrip().startswith("{") and (not named_table or _is_object(lines[0]))
    if lines and (braces or suffix_of(path) in (".json", ".jsonl", ".ndjson")):
        if not any(_is_object(line) for line in lines[: max(len(lines) - 1, 1)]):
            raise DataError(
                "JSON, but not one object a line", where=str(path), hint="from an array: jq -c '.[]' FILE > rows.jsonl"
            )
        return "jsonl"
    return "lines" if suffix_of(path) in PLAIN_TEXT and not _is_table(lines) else "csv"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_table(lines: list[str]) -> bool:
    """Nearly all lines have the same number of one of the usual delimiters."""
    for delimiter in ("\t", ";", "|", ","):
        counts = [line.count(delimiter) for line in lines]
        if counts and counts[0] and counts.count(counts[0]) >= 0.9 * len(counts):
            return True
    return False


def _of_archive(path: Path) -> str:
    names = entry_names(path, ("",), path.name)
    if any(name == "[Content_Types].xml" or name == "content.xml" for name in names):
        return "excel"
    for kind, suffixes in (("audio", SOUNDS), ("images", IMAGES)):
        if any(name.lower().endswith(suffixes) for name in names):
            return kind
    raise DataError("an archive without images or WAV files", where=str(path), hint="unpack it and name its files")


def _of_folder(path: Path) -> str:
    for kind, suffixes in (("audio", SOUNDS), ("images", IMAGES)):
        if next(islice((file for file in path.rglob("*") if file.suffix.lower() in suffixes), 1), None):
            return kind
    found = {FORMATS[suffix] for file in path.rglob("*") if (suffix := suffix_of(file)) in FORMATS}
    if len(found) == 1:
        return found.pop()
    said = f"files of several formats: {', '.join(sorted(found))}" if found else "no data that can be read"
    raise DataError(f"a folder with {said}", where=str(path), hint="name files, or a glob such as folder/*.csv")
