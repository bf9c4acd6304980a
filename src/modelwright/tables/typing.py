"""Gives every column a type, from all rows, and writes the table `rows` with values of those types.

The source is gone through once: columns of text are read as what their first values look like, and values that speak
against it are kept beside. Only where there are some is a column looked at again; its type is in any case the one that
all values have.

`rows` has the columns of `raw`, `__file__`, and `__row__`: a digest of the id, or of the whole row as typed, so that
the same row has the same digest whatever else is in the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import duckdb

from modelwright.core.columns import ROW_DIGEST, Column, ColumnType
from modelwright.core.errors import DataError, SpecError
from modelwright.core.names import did_you_mean
from modelwright.tables import parsing
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.inference import Evidence, decide, gather, guess, infinite, natural_type, surely_text, wordy
from modelwright.tables.reading import Reading, Refusal, TextRules, examples, refuse
from modelwright.tables.sources.cells import ODD, Cell, Declared, could_be_direct, odd_place, odd_text, read_cells

__all__ = ["Declared", "check_declared", "check_share", "row_digest", "told_apart_by", "type_rows"]

GLANCE, GLANCE_CELLS = 20_480, 2_000_000  # rows that a guess is made from; fewer of wide tables
LARGE = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT")  # SQL types whose numbers may be beyond 2^53
CHANGING = "is something writing to it? prepare again when it is whole"
DIRECT_TRIES = 2  # of a source that reads numbers itself; each is a pass over it
STRICT_ROLES = ("id", "entity", "ignore")  # too precious, or of too little interest, to refuse a row for
WANTED = {"number": "a number", "integer": "a whole number", "boolean": "true or false", "timestamp": "a timestamp"}


def type_rows(
    engine: Engine, reading: Reading, declared: Mapping[str, Declared], max_share: float
) -> tuple[tuple[Column, ...], Reading]:
    """Fill `rows` from `raw`, and `rejects` with the rows that hold a value not of its column's type.

    Returns the columns, and the reading with all its lines accounted for. DataError when more than `max_share` of all
    rows is refused; SpecError when a declared column does not exist.
    """
    check_declared(declared, reading.columns)
    check_share(engine, reading, reading.rejected, max_share)
    try:
        cells, reading = _fill(engine, reading, _guessed(engine, reading, _cells(engine, reading, declared)))
    except duckdb.InvalidInputException:
        reading.accounted()  # says which line is at fault
        raise
    check_share(engine, reading, reading.rejected, max_share)
    settled = _settled(engine, reading, cells, int(max_share * reading.total))
    if [cell.kind for cell in settled] != [cell.kind for cell in cells]:
        engine.execute("DROP TABLE rows")
        settled, reading = _fill(engine, reading, settled)
    for cell in settled:
        if cell.kind == "timestamp" and cell.natural != "timestamp":
            _check_zone(engine, cell, odd_text(settled, cell), "rows")
    refused = _refuse_faulty(engine, reading, settled)
    check_share(engine, reading, reading.rejected + refused, max_share)
    engine.execute(f"ALTER TABLE rows DROP COLUMN {ODD}")
    engine.execute(f"DROP {'VIEW' if reading.lazy else 'TABLE'} raw")
    return tuple(cell.column for cell in settled), reading


def check_declared(declared: Mapping[str, Declared], names: Sequence[str]) -> None:
    """SpecError for columns that the spec names and the data does not have."""
    for name in declared:
        if name not in names:
            raise SpecError(
                f'the data has no column "{name}"{did_you_mean(name, names)}', hint=f"it has {', '.join(names)}"
            )


def check_share(engine: Engine, reading: Reading, refused: int, max_share: float) -> None:
    total = reading.total
    if refused > max_share * total:
        raise DataError(
            f"{refused:,} of {total:,} rows can't be read, more than max_reject_share ({max_share:.2%}):\n"
            + examples(engine),
            hint="mend the data, or set null_words, type, format or max_reject_share under prepare",
        )


def told_apart_by(columns: Iterable[Column]) -> list[str]:
    """The columns that the digest of a row is made of: digests of other columns can't be compared with it."""
    columns = list(columns)
    return sorted(column.name for column in [one for one in columns if one.role == "id"] or columns)


def row_digest(columns: Sequence[Column]) -> str:
    """SQL for 63 bits of md5: of the id where there is one, else of all values by column name."""
    whole = ", ".join(f"coalesce({_as_text(column)}, chr(30))" for column in sorted(columns, key=lambda one: one.name))
    text = f"concat_ws(chr(31), {whole})"
    ids = [column for column in columns if column.role == "id"]
    if ids:
        known = " AND ".join(f"{quote(column.name)} IS NOT NULL" for column in ids)
        joined = ", ".join(_as_text(column) for column in ids)
        text = f"CASE WHEN {known} THEN concat_ws(chr(31), {joined}) ELSE {text} END"
    return f"(md5_number({text}) >> 65)::BIGINT"  # md5_number_lower(…) >> 1, which DuckDB takes five times as long for


def _as_text(column: Column) -> str:
    """Equal for equal values, whether a growing column is of integers or has become one of numbers."""
    number = column.type in ("integer", "number") and column.role != "id"
    return f"{quote(column.name)}::DOUBLE::VARCHAR" if number else f"{quote(column.name)}::VARCHAR"


def _cells(engine: Engine, reading: Reading, declared: Mapping[str, Declared]) -> list[Cell]:
    """What is known of the columns without their values; `kind` is text where those have to say it."""
    cells, sql_types = [], dict(engine.columns("raw"))
    for name in reading.columns:
        said, sql_type = declared.get(name, Declared()), sql_types[name]
        natural = natural_type(sql_type)
        if natural is None and said.role != "ignore":
            raise DataError(f'column "{name}" holds {sql_type} values', hint=f"columns: {{{name}: {{role: ignore}}}}")
        wanted: ColumnType | None = "timestamp" if said.formats and said.type is None else said.type
        unknown = natural == "text" and wanted is None and reading.textual
        cell = Cell(name, sql_type, natural, said, wanted or natural or "text", guessed=unknown)
        if cell.kind == "timestamp":
            _check_formats(engine, cell)
            if natural == "timestamp" and sql_type != "DATE" and not sql_type.endswith("TIME ZONE"):
                _check_zone(engine, cell, f"{quote(name)}::VARCHAR", "raw")
        cells.append(cell)
    large = _too_large(engine, [cell for cell in cells if cell.natural == "integer" and cell.sql_type in LARGE])
    return [replace(cell, kind="text") if cell.name in large else cell for cell in cells]


def _too_large(engine: Engine, cells: Sequence[Cell]) -> set[str]:
    """Columns of integers that a float64 can't tell apart."""
    numbers = [cell for cell in cells if cell.kind in ("integer", "number")]
    if not numbers:
        return set()
    listed = ", ".join(f"max(abs({quote(cell.name)}::HUGEINT))" for cell in numbers)
    found = engine.rows(f"SELECT {listed} FROM raw")[0]
    return {
        cell.name
        for cell, largest in zip(numbers, found, strict=True)
        if largest is not None and largest > parsing.LARGEST_INTEGER
    }


def _guessed(engine: Engine, reading: Reading, cells: Sequence[Cell]) -> list[Cell]:
    """The kinds of columns of text that their first values have."""
    texts = [cell.name for cell in cells if cell.guessed]
    if not texts:
        return list(cells)
    first = max(min(GLANCE, GLANCE_CELLS // len(texts)), 1)
    engine.execute(f"CREATE TABLE glance AS SELECT {', '.join(map(quote, texts))} FROM raw LIMIT {first}")
    if not engine.value("SELECT count(*) FROM glance"):
        reading.accounted()  # says that there are no rows, and why
        return list(cells)
    found = gather(engine, "glance", texts, reading.rules)
    engine.execute("DROP TABLE glance")
    return [
        replace(cell, kind=guess(found[cell.name]), wordy=wordy(found[cell.name])) if cell.guessed else cell
        for cell in cells
    ]


def _fill(engine: Engine, reading: Reading, cells: Sequence[Cell]) -> tuple[list[Cell], Reading]:
    """Create `rows`, with what is odd in the column `__odd__`; its `rowid` is that of `raw`.

    Returns the cells as they were read, and the reading with all its lines accounted for.
    """
    read = _filled_directly(engine, reading, [replace(cell, direct=False) for cell in cells])
    count = engine.value("SELECT count(*) FROM rows")
    rules, reading = reading.rules, replace(reading.accounted(count), account=None)
    if reading.rules != rules:  # known only now
        engine.execute("DROP TABLE rows")
        return _fill(engine, reading, cells)
    if count != reading.rows:
        names = ", ".join(reading.files)
        raise DataError(f"{names}: {reading.rows:,} rows at first, {count:,} when read again", hint=CHANGING)
    return read, reading


def _filled_directly(engine: Engine, reading: Reading, cells: list[Cell]) -> list[Cell]:
    """Let the source read null words, and numbers where it can and all of them are plain numbers."""
    source, direct = reading.direct, {cell.name for cell in cells if could_be_direct(cell, reading.rules)}
    for _ in range(DIRECT_TRIES):
        if source is None or not direct:
            break
        tried = [replace(cell, direct=cell.name in direct) for cell in cells]
        _create(engine, tried, replace(reading.rules, nulls_read=True), source.relation(direct))
        wrong = source.misread(engine) | infinite(engine, "rows", [cell.name for cell in tried if cell.direct])
        if not wrong:
            return tried
        engine.execute("DROP TABLE rows")
        direct -= wrong
    _create(engine, cells, reading.rules, "raw")
    return cells


def _create(engine: Engine, cells: Sequence[Cell], rules: TextRules, relation: str) -> None:
    digest = row_digest([cell.column for cell in cells])
    values = read_cells(cells, rules, relation)
    engine.execute(f"CREATE TABLE rows AS SELECT *, {digest} AS {quote(ROW_DIGEST)} FROM ({values})")


def _settled(engine: Engine, reading: Reading, cells: Sequence[Cell], allowed: int) -> list[Cell]:
    """The same cells with the kinds that all values have. DataError where the spec has to say what is meant."""
    guesses = [cell for cell in cells if cell.guessed]
    odd = _odd_counts(engine, cells, [cell for cell in guesses if cell.may_be_odd])
    doubtful = [name for name, (marked, _) in odd.items() if marked]
    sure = surely_text(engine, "rows", [cell.name for cell in guesses if cell.kind == "text" and cell.wordy])
    unsure = [cell.name for cell in guesses if cell.kind == "text" and cell.name not in sure]
    found = gather(engine, "raw", doubtful, reading.rules)
    found |= gather(engine, "rows", unsure, reading.rules)
    return [
        replace(cell, kind=_decided(engine, reading, cell, found[cell.name], allowed)) if cell.name in found else cell
        for cell in cells
    ]


def _odd_counts(engine: Engine, cells: Sequence[Cell], some: Sequence[Cell]) -> dict[str, tuple[int, int]]:
    """How many values of each are odd, and how many of those could not be read."""
    each = f"SELECT generate_subscripts({ODD}, 1) AS place, unnest({ODD}) AS text FROM rows WHERE {ODD} IS NOT NULL"
    marked = dict(engine.rows(f"SELECT place, count(text) FROM ({each}) GROUP BY place"))
    counts = {}
    for cell in some:
        number = marked.get(odd_place(cells, cell), 0)
        fault = f"{quote(cell.name)} IS NULL AND {odd_text(cells, cell)} IS NOT NULL"
        faults = engine.value(f"SELECT count(*) FROM rows WHERE {ODD} IS NOT NULL AND {fault}") if number else 0
        counts[cell.name] = (number, faults)
    return counts


def _decided(engine: Engine, reading: Reading, cell: Cell, found: Evidence, allowed: int) -> ColumnType:
    return decide(
        cell.name,
        found,
        allowed,
        strict=cell.declared.role in STRICT_ROLES,
        examples=lambda kind: _first_faults(engine, reading, replace(cell, kind=kind)),
    )


def _check_formats(engine: Engine, cell: Cell) -> None:
    """SpecError for a format that is none."""
    for form in cell.declared.formats:
        if form != parsing.ISO:
            try:
                engine.value(f"SELECT try_strptime('', {literal(form)})")
            except duckdb.InvalidInputException as error:
                reason = str(error).splitlines()[0].rpartition(": ")[2]
                raise SpecError(f'column "{cell.name}": "{form}" is not a date format: {reason}') from error


def _check_zone(engine: Engine, cell: Cell, text: str, table: str) -> None:
    """DataError for a time of day of which nobody says in which zone it is."""
    if not cell.zone_unknown:
        return
    name = quote(cell.name)
    example = engine.value(f"SELECT {text} FROM {table} WHERE {name} IS NOT NULL AND {text} IS NOT NULL LIMIT 1")
    if example is not None:
        raise DataError(
            f'column "{cell.name}": "{example}" names no time zone',
            hint=f"columns: {{{cell.name}: {{timezone: UTC}}}}, or the zone it was written in",
        )


def _first_faults(engine: Engine, reading: Reading, cell: Cell) -> str:
    """The first values that are not of a type, one a line, with their places."""
    text = odd_text([cell], cell)
    query = f"SELECT row_number() OVER () - 1 AS row, * FROM ({read_cells([cell], reading.rules)})"
    fault = f"{quote(cell.name)} IS NULL AND {text} IS NOT NULL"
    rows = dict(engine.rows(f"SELECT row, {text} FROM ({query}) WHERE {fault} ORDER BY row LIMIT 3"))
    places = reading.places(list(rows))
    return "\n".join(f'  {places[row][0]}:{places[row][1]}: "{value}"' for row, value in rows.items())


def _refuse_faulty(engine: Engine, reading: Reading, cells: Sequence[Cell]) -> int:
    """Move rows with a faulty value from `rows` to `rejects`, by their first fault; return how many there are."""
    counts = _odd_counts(engine, cells, [cell for cell in cells if cell.may_be_odd])
    faulty = [cell for cell in cells if counts.get(cell.name, (0, 0))[1]]
    first: dict[int, tuple[str, str, str]] = {}
    faults = [f"({quote(cell.name)} IS NULL AND {odd_text(cells, cell)} IS NOT NULL)" for cell in faulty]
    for cell, fault in zip(faulty, faults, strict=True):
        for row, value in engine.rows(f"SELECT rowid, {odd_text(cells, cell)} FROM rows WHERE {fault} ORDER BY rowid"):
            first.setdefault(row, (cell.name, value, f"is not {WANTED[cell.kind]}"))
    places = reading.places(sorted(first))
    refusals: list[Refusal] = [(*places[row], *first[row]) for row in sorted(first)]
    refuse(engine, refusals)
    if faults:
        engine.execute(f"DELETE FROM rows WHERE {ODD} IS NOT NULL AND ({' OR '.join(faults)})")
    return len(refusals)
