"""What every reader leaves behind: `raw` as found, `rejects` with what could not be read, and where each row was.

Engine tables, made by `start` and filled by readers:
- `raw`: the source's columns and `__file__`, in reading order: a table, or a view of the source itself.
- `rejects`: file, line, column, value, reason; one row for each source row that was refused.
- `files`: file (the number in `__file__`), name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pyarrow as pa

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine, quote

FILE = "__file__"
SPLIT = "__split__"
RESERVED = (ROW_DIGEST, FILE, SPLIT)
CONFLICT = ("<<<<<<< ", ">>>>>>> ")  # how git marks the two sides; no line of data begins so
VALUE_SHOWN = 200  # characters of a refused value that are kept


class NoRows(DataError):  # noqa: N818  # a DataError that says what was found: nothing
    """A source without a row. Where several files are read one by one, one of them may be empty."""


Blanks = Literal["any", "plain", "spaces"]  # plain: spaces and line breaks
Lines = Callable[[Sequence[int]], Sequence[int]]  # row numbers within a file, from 0, to physical lines, from 1


@dataclass(frozen=True)
class TextRules:
    """How text becomes values."""

    null_words: tuple[str, ...] = ("",)
    strip: bool = False
    decimal: str = "."
    blanks: Blanks = "any"  # that may be around values
    nulls_read: bool = False  # null words are NULL already, but for those with blanks around them


class Direct(Protocol):
    """A source that can read columns as numbers by itself, which is faster than making texts and casting them."""

    def relation(self, numbers: Collection[str]) -> str:
        """SQL for `raw` with these columns as DOUBLE, null words as NULL; rows that don't fit are left out."""

    def misread(self, engine: Engine) -> set[str]:
        """The columns for whose values rows were left out in the last query of a relation."""


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
    lazy: bool = False  # `raw` is a view, whose every query reads the source
    direct: Direct | None = field(default=None, repr=False)
    seen: int | None = None  # what the refused rows are a share of, where that is not rows and rejected
    # Where it is there, each line is taken for a row, and none for a refused one, until it is told how many rows there
    # turned out to be (None: nobody knows yet).
    account: Callable[[int | None], Reading] | None = field(default=None, repr=False)

    @property
    def total(self) -> int:
        return self.rows + self.rejected if self.seen is None else self.seen

    def accounted(self, rows: int | None = None) -> Reading:
        """With every line accounted for. DataError where that can't be done."""
        return self.account(rows) if self.account else self

    def places(self, rowids: Sequence[int]) -> Mapping[int, tuple[str | None, int | None]]:
        """File and line of rows of `raw`; looked up only when there is something to say about them."""
        found: dict[int, tuple[str | None, int | None]] = dict.fromkeys(rowids, (None, None))
        ends = (*self.starts[1:], self.rows)
        for name, start, end, lines in zip(self.files, self.starts, ends, self.lines, strict=False):
            inside = sorted(rowid for rowid in found if start <= rowid < end)
            numbers = lines([rowid - start for rowid in inside]) if inside else ()
            for rowid, line in zip(inside, numbers, strict=True):
                found[rowid] = (name, line)
        return found


def start(engine: Engine, columns: Mapping[str, str], files: Sequence[str], view: str | None = None) -> None:
    """Create the three tables; `columns` maps names to SQL types. `view`: the query that `raw` stands for."""
    check_names(list(columns), files[0] if files else "")
    listed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    engine.execute(f"CREATE VIEW raw AS {view}" if view else f"CREATE TABLE raw ({listed}, {quote(FILE)} INTEGER)")
    engine.execute('CREATE TABLE rejects (file VARCHAR, line BIGINT, "column" VARCHAR, value VARCHAR, reason VARCHAR)')
    engine.execute("CREATE TABLE files (file INTEGER, name VARCHAR)")
    for number, name in enumerate(files):
        engine.execute("INSERT INTO files VALUES (?, ?)", (number, name))


def clear(engine: Engine) -> None:
    """Take away what `start` created, as far as it is there."""
    made = (
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_name IN ('raw', 'rejects', 'files')"
    )
    for name, kind in engine.rows(made):
        engine.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {name}")


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
    """Add rows to `rejects`. DataError for a file in the middle of a merge: both sides of it would be read."""
    if not refusals:
        return
    for name, at, of, text, _ in refusals:
        if of is None and text is not None and text.startswith(CONFLICT):
            raise DataError(
                "a git conflict marker: the file holds both sides of an unfinished merge",
                where=f"{name}:{at}",
                hint="finish the merge, or take one side: git checkout --theirs FILE",
            )
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
        f"  {file or 'row'}{'' if line is None else f':{line}'}: "
        + (f'{column}: "{value}" {reason}' if column else reason)
        for file, line, column, value, reason in rows
    )
