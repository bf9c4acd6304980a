"""What every reader leaves behind: `raw` as found, `rejects` with what could not be read, and where each row was.

Engine tables, made by `start` and filled by readers:
- `raw`: the source's columns and `__file__`, in reading order (`rowid`).
- `rejects`: file, line, column, value, reason; one row for each source row that was refused.
- `files`: file (the number in `__file__`), name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine, quote

FILE = "__file__"
SPLIT = "__split__"
RESERVED = (ROW_DIGEST, FILE, SPLIT)
VALUE_SHOWN = 200  # characters of a refused value that are kept

Lines = Callable[[Sequence[int]], Sequence[int]]  # row numbers within a file, from 0, to physical lines, from 1


@dataclass(frozen=True)
class TextRules:
    """How text becomes values."""

    null_words: tuple[str, ...] = ("",)
    strip: bool = False
    decimal: str = "."


@dataclass(frozen=True)
class Reading:
    """What was read. `textual`: all values are text as written, types are still to be found out."""

    files: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    rejected: int
    textual: bool
    rules: TextRules = TextRules()
    starts: tuple[int, ...] = ()  # the rowid of each file's first row
    lines: tuple[Lines, ...] = field(default=(), repr=False)

    def places(self, rowids: Sequence[int]) -> Mapping[int, tuple[str | None, int | None]]:
        """File and line of rows of `raw`; looked up only when there is something to say about them."""
        found: dict[int, tuple[str | None, int | None]] = dict.fromkeys(rowids, (None, None))
        ends = (*self.starts[1:], self.rows)
        for name, start, end, lines in zip(self.files, self.starts, ends, self.lines, strict=False):
            inside = sorted(rowid for rowid in found if start <= rowid < end)
            for rowid, line in zip(inside, lines([rowid - start for rowid in inside]), strict=True):
                found[rowid] = (name, line)
        return found


def start(engine: Engine, columns: Mapping[str, str], files: Sequence[str]) -> None:
    """Create the three tables; `columns` maps names to SQL types."""
    check_names(list(columns), files[0] if files else "")
    listed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    engine.execute(f"CREATE TABLE raw ({listed}, {quote(FILE)} INTEGER)")
    engine.execute('CREATE TABLE rejects (file VARCHAR, line BIGINT, "column" VARCHAR, value VARCHAR, reason VARCHAR)')
    engine.execute("CREATE TABLE files (file INTEGER, name VARCHAR)")
    for number, name in enumerate(files):
        engine.execute("INSERT INTO files VALUES (?, ?)", (number, name))


def check_names(names: Sequence[str], where: str) -> None:
    """DataError when column names are taken, repeated, or differ only by case (SQL can't tell those apart)."""
    seen: dict[str, str] = {}
    for name in names:
        if name in RESERVED:
            raise DataError(f'a column may not be called "{name}"', where=where, hint="modelwright uses that name")
        other = seen.get(name.casefold())
        if other == name:
            raise DataError(f'two columns are called "{name}"', where=where, hint="rename one, or give names:")
        if other is not None:
            raise DataError(f'columns "{other}" and "{name}" differ only by case', where=where, hint="rename one")
        seen[name.casefold()] = name


Refusal = tuple[str | None, int | None, str | None, str | None, str]  # file, line, column, value, reason


def refuse(engine: Engine, refusals: Sequence[Refusal]) -> None:
    """Add rows to `rejects`."""
    if not refusals:
        return
    file, line, column, value, reason = zip(*refusals, strict=True)
    cut = [text and text[:VALUE_SHOWN] for text in value]
    table = pa.table(
        {
            "file": pa.array(file, pa.string()),
            "line": pa.array(line, pa.int64()),
            "column": pa.array(column, pa.string()),
            "value": pa.array(cut, pa.string()),
            "reason": pa.array(reason, pa.string()),
        }
    )
    engine.register("refusals", table)
    engine.execute("INSERT INTO rejects SELECT * FROM refusals")


def examples(engine: Engine, limit: int = 3) -> str:
    """The first refused rows, one a line: `rides.csv:17: distance_km: "abc" is not a number`."""
    rows = engine.rows(f'SELECT file, line, "column", value, reason FROM rejects ORDER BY rowid LIMIT {limit}')
    return "\n".join(
        f"  {file or 'row'}:{line}: " + (f'{column}: "{value}" {reason}' if column else reason)
        for file, line, column, value, reason in rows
    )
