"""Reads CSV files with DuckDB, all values as text, and accounts for every line: none may vanish.

Lines = header + rows + refused rows + line breaks inside values + blank lines. One stray quote can swallow thousands of
rows without breaking that sum (they become one long value), so values that look like swallowed rows are an error too.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.tables import reading
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.reading import FILE, Lines, Reading, TextRules
from modelwright.tables.sources.csv_files import (
    Dialect,
    Header,
    Survey,
    blank_lines,
    lines_of_bytes,
    lines_of_rows,
    plain_copy,
    read_header,
    survey,
)

REFUSED, PASSED_OVER = "refused", "passed_over"  # tables for what can't be read: while lines are counted, and else
ROW = "__number__"  # of a row within its file
QUOTE_HINT = "quote: none, if quotes are ordinary characters in this file"
REASONS = {
    "MISSING COLUMNS": "too few values",
    "TOO MANY COLUMNS": "too many values",
    "UNQUOTED VALUE": "a quote in the wrong place",
    "LINE SIZE OVER MAXIMUM": "a line of more than 2 MB",
}


@dataclass(frozen=True)
class Source:
    """One file, as DuckDB will read it: plain UTF-8 with \\n line ends."""

    number: int
    name: str
    path: Path
    dialect: Dialect
    header: Header
    survey: Survey


def open_csv(
    engine: Engine, files: Sequence[tuple[Path, str]], dialect: Dialect, rules: TextRules, *, multiline: bool
) -> Reading:
    """Make `raw` a view, from (path, shown name) pairs; each file is read by its own header.

    The lines are not accounted for yet: each is taken for a row, which mostly proves true when `raw` is gone through.
    """
    sources = tuple(_prepare(engine, number, path, name, dialect) for number, (path, name) in enumerate(files))
    columns = sources[0].header.names
    for source in sources[1:]:
        _same_columns(sources[0], source)
    view = _view(sources, columns)
    shown = tuple(source.name for source in sources)
    reading.start(engine, dict.fromkeys(columns, "VARCHAR"), shown, view)
    rules = replace(rules, blanks="any" if any(source.survey.rare_blanks for source in sources) else "spaces")
    lines = tuple(_lines(source, frozenset()) for source in sources)
    counts = [source.survey.lines - source.header.lines for source in sources]
    found = Reading(shown, columns, sum(counts), 0, True, rules, _starts(counts), lines, lazy=True)
    account = functools.partial(_accounted, engine, sources, found, multiline)
    return replace(found, direct=_direct(sources, rules), account=account)


def _accounted(
    engine: Engine, sources: Sequence[Source], opened: Reading, multiline: bool, rows: int | None
) -> Reading:
    """What was opened, and `rejects` filled: unless each line is a row, the files are gone through to know of each."""
    if rows and rows == opened.rows and not _refused_any(engine):
        return replace(opened, direct=_direct(sources, opened.rules))
    counts, lines, refused, broken = [], [], 0, False
    for source in sources:
        count, rejected = _read(engine, source)
        broken |= _account(engine, source, count, rejected, multiline=multiline)
        counts.append(count)
        lines.append(_lines(source, frozenset(rejected)))
        refused += len(rejected)
    if not sum(counts):
        found = f"; refused:\n{reading.examples(engine)}" if refused else ""
        raise reading.NoRows(f"a header, but no rows{found}", where=sources[0].name)
    rules = replace(opened.rules, blanks="plain") if broken and opened.rules.blanks == "spaces" else opened.rules
    counted = replace(opened, rows=sum(counts), rejected=refused, starts=_starts(counts), lines=tuple(lines))
    return replace(counted, rules=rules, direct=_direct(sources, rules))


def _starts(counts: Sequence[int]) -> tuple[int, ...]:
    return tuple(itertools.accumulate(counts, initial=0))[:-1]


def _refused_any(engine: Engine) -> bool:
    """Whether lines were passed over when `raw` was gone through."""
    found = engine.value(f"SELECT count(*) FROM {PASSED_OVER}_errors WHERE error_type <> 'CAST'")
    return bool(found)


def _view(
    sources: Sequence[Source], columns: Sequence[str], numbers: Collection[str] = (), words: Sequence[str] = ("",)
) -> str:
    listed = ", ".join(map(quote, columns))
    return " UNION ALL ".join(
        f"SELECT {listed}, {source.number} AS {quote(FILE)} FROM {_scan(source, PASSED_OVER, numbers, words)}"
        for source in sources
    )


@dataclass(frozen=True)
class DirectNumbers:
    """Columns that the parser itself casts."""

    sources: tuple[Source, ...]
    words: tuple[str, ...]

    def relation(self, numbers: Collection[str]) -> str:
        return f"({_view(self.sources, self.sources[0].header.names, numbers, self.words)})"

    def misread(self, engine: Engine) -> set[str]:
        errors = f"{PASSED_OVER}_errors"
        found = engine.rows(f"SELECT DISTINCT column_name FROM {errors} WHERE error_type = 'CAST'")
        if found:  # they are not those of the next try
            for table in ("errors", "scans"):
                engine.execute(f"DROP TABLE {PASSED_OVER}_{table}")
        return {name for (name,) in found}


def _direct(sources: Sequence[Source], rules: TextRules) -> DirectNumbers | None:
    """None where the parser's numbers are not ours: it takes 1_000 for one, and knows no other decimal sign."""
    if rules.decimal != "." or any(source.survey.underscored for source in sources):
        return None
    return DirectNumbers(tuple(sources), tuple(sorted({"", *rules.null_words})))


def _prepare(engine: Engine, number: int, path: Path, name: str, dialect: Dialect) -> Source:
    found = survey(path, dialect, name)
    header = read_header(path, dialect, name)
    reading.check_names(header.names, name)
    if found.carriage_returns or dialect.encoding != "utf-8" or any(sign in str(path) for sign in "*?["):
        copy = engine.folder / f"source-{number}.csv"
        dialect = plain_copy(path, dialect, copy)
        path, found, header = copy, survey(copy, dialect, name), read_header(copy, dialect, name)
    return Source(number, name, path, dialect, header, found)


def _same_columns(first: Source, other: Source) -> None:
    for here, there in ((first, other), (other, first)):
        for column in here.header.names:
            if column not in there.header.names:
                raise DataError(
                    f'no column "{column}", which {here.name} has{did_you_mean(column, there.header.names)}',
                    where=there.name,
                    hint="files that are read together need the same columns (their order may differ)",
                )


def _scan(source: Source, rejects: str, numbers: Collection[str] = (), words: Sequence[str] = ("",)) -> str:
    """SQL for the file's rows; what can't be read goes to the tables `<rejects>_errors` and `<rejects>_scans`."""
    columns = ", ".join(
        f"{literal(name)}: {literal('DOUBLE' if name in numbers else 'VARCHAR')}" for name in source.header.names
    )
    mark = literal(source.dialect.quote)
    return (
        f"read_csv({literal(str(source.path))}, auto_detect=false, header=false, skip={source.header.records}, "
        f"delim={literal(source.dialect.delimiter)}, quote={mark}, escape={mark}, comment='', "
        f"nullstr=[{', '.join(map(literal, words))}], columns={{{columns}}}, strict_mode=true, null_padding=false, "
        f"store_rejects=true, rejects_limit=0, rejects_table='{rejects}_errors', rejects_scan='{rejects}_scans')"
    )


def _read(engine: Engine, source: Source) -> tuple[int, list[int]]:
    """How many rows the file has; the physical lines of the rows refused."""
    try:
        rows = int(engine.value(f"SELECT count(*) FROM {_scan(source, REFUSED)}"))
    except duckdb.InvalidInputException as error:
        raise DataError("the file can't be read as CSV", where=source.name, hint=QUOTE_HINT) from error
    errors = engine.rows(
        "SELECT line_byte_position - 1, min(error_type::VARCHAR), min(csv_line) "
        f"FROM {quote(f'{REFUSED}_errors')} GROUP BY 1 ORDER BY 1"
    )
    for table in ("errors", "scans"):
        engine.execute(f"DROP TABLE {quote(f'{REFUSED}_{table}')}")
    lines = lines_of_bytes(source.path, [position for position, *_ in errors])
    refused = []
    for line, (_, kind, text) in zip(lines, errors, strict=True):
        if "\n" in text.strip("\n"):
            raise _swallowed(source, line, text.strip("\n").count("\n"))
        refused.append((source.name, line, None, text.strip("\n"), REASONS.get(kind, kind.lower())))
    reading.refuse(engine, refused)
    return rows, lines


def _account(engine: Engine, source: Source, rows: int, refused: Sequence[int], *, multiline: bool) -> bool:
    """Whether values may end with a line break; DataError when lines of the file are neither rows nor refused."""
    left = source.survey.lines - source.header.lines - rows - len(refused)
    if not left and not (refused and source.survey.quotes):  # after a stray quote a row may begin within a line
        return False  # each takes a line at least, so each took just one
    breaks, blank, last = _line_breaks(engine, source) if source.survey.quotes else (0, 0, False)
    left -= breaks
    if left and len(source.header.names) > 1:  # with one column a blank line is a row
        left -= blank_lines(source.path, source.header.lines) - blank
    if left:
        message = (
            f"{source.survey.lines:,} lines gave {rows:,} rows and {len(refused):,} unreadable ones; "
            f"{abs(left):,} lines are unaccounted for"
        )
        raise DataError(message, where=source.name, hint=QUOTE_HINT)
    if breaks and not multiline:
        for position, column in enumerate(source.header.names):
            _look_for_rows_in_values(engine, source, position, column, refused)
    engine.execute("DROP TABLE IF EXISTS broken")
    return last


def _line_breaks(engine: Engine, source: Source) -> tuple[int, int, bool]:
    """Line breaks inside values, how many of them make a blank line, and whether a value ends with one.

    Leaves the rows that have some in `broken`.
    """
    broken = " OR ".join(f"contains({quote(column)}, chr(10))" for column in source.header.names)
    rows = f"SELECT row_number() OVER () - 1 AS {ROW}, * FROM {_scan(source, PASSED_OVER)}"
    engine.execute(f"CREATE OR REPLACE TABLE broken AS SELECT * FROM ({rows}) WHERE {broken}")
    breaks, blank, last = 0, 0, False
    for column in source.header.names:
        inner = "list_filter(pieces[2:-2], lambda piece: piece = '')"
        counts = f"sum(len(pieces) - 1), sum(len({inner})), bool_or(pieces[-1] = '')"
        some, empty, ends = engine.rows(f"SELECT {counts} FROM ({_broken_values(column)})")[0]
        breaks, blank, last = breaks + int(some or 0), blank + int(empty or 0), last or bool(ends)
    return breaks, blank, last


def _broken_values(column: str) -> str:
    value = quote(column)
    return f"SELECT {ROW}, string_split({value}, chr(10)) AS pieces FROM broken WHERE contains({value}, chr(10))"


def _look_for_rows_in_values(
    engine: Engine, source: Source, position: int, column: str, refused: Sequence[int]
) -> None:
    """DataError for a value whose line breaks and delimiters are just those of whole rows: a stray quote ate them."""
    delimiters = len(source.header.names) - 1
    if not delimiters:
        return
    count = f"lambda piece: len(piece) - len(replace(piece, {literal(source.dialect.delimiter)}, ''))"
    found = engine.rows(
        f"SELECT {ROW}, len(counts) - 1 FROM (SELECT {ROW}, list_transform(pieces, {count}) AS counts "
        f"FROM ({_broken_values(column)})) "
        f"WHERE counts[1] = {delimiters - position} AND counts[-1] = {position} "
        f"AND list_sum(counts) = (len(counts) - 1) * {delimiters} ORDER BY {ROW} LIMIT 1"
    )
    if found:
        line = _lines(source, frozenset(refused))([found[0][0]])[0]
        raise _swallowed(source, line, found[0][1])


def _swallowed(source: Source, line: int, count: int) -> DataError:
    return DataError(
        f"a quote opens here and takes in the next {count:,} lines, which look like rows",
        where=f"{source.name}:{line}",
        hint=f"{QUOTE_HINT}; multiline: true, if this value really has several lines",
    )


def _lines(source: Source, refused: frozenset[int]) -> Lines:
    return functools.partial(lines_of_rows, source.path, source.dialect, source.header, refused)
