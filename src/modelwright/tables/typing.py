"""Gives every column a type, from all rows, and writes the table `rows` with values of those types.

`rows` has the columns of `raw`, `__file__`, and `__row__`: a digest of the id, or of the whole row as typed, so that
the same row has the same digest whatever else is in the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from modelwright.core.columns import ROW_DIGEST, Column, ColumnType, Role
from modelwright.core.errors import DataError, SpecError
from modelwright.core.names import did_you_mean
from modelwright.tables import parsing
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.inference import decide, gather, natural_type
from modelwright.tables.reading import FILE, Reading, Refusal, examples, refuse

CLEANED = "cleaned"  # `raw` with values stripped, and null words and NaN turned into NULL
STRICT_ROLES = ("id", "entity", "ignore")  # too precious, or of too little interest, to refuse a row for
WANTED = {"number": "a number", "integer": "a whole number", "boolean": "true or false", "timestamp": "a timestamp"}


@dataclass(frozen=True)
class Declared:
    """What is known of a column before its values are seen."""

    type: ColumnType | None = None
    role: Role = "input"
    timezone: str | None = None
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Typed:
    """A column and the SQL, over `cleaned`, that gives its values: NULL where they are missing or can't be read."""

    column: Column
    value: str
    faulty: bool = False

    @property
    def fault(self) -> str:
        return f"({quote(self.column.name)} IS NOT NULL AND {self.value} IS NULL)"


def type_rows(
    engine: Engine, reading: Reading, declared: Mapping[str, Declared], max_share: float
) -> tuple[Column, ...]:
    """Fill `rows` from `raw`, and `rejects` with the rows that hold a value not of its column's type.

    DataError when more than `max_share` of all rows is refused; SpecError when a declared column does not exist.
    """
    check_declared(declared, reading.columns)
    check_share(engine, reading, reading.rejected, max_share)
    sql_types = dict(engine.columns("raw"))
    _create_cleaned(engine, reading, sql_types)
    allowed = int(max_share * (reading.rows + reading.rejected))
    typed = [
        _type(engine, reading, name, sql_types[name], declared.get(name, Declared()), allowed)
        for name in reading.columns
    ]
    refused = _refuse_faulty(engine, reading, [entry for entry in typed if entry.faulty])
    check_share(engine, reading, reading.rejected + refused, max_share)
    columns = tuple(entry.column for entry in typed)
    values = ", ".join(f"{entry.value} AS {quote(entry.column.name)}" for entry in typed)
    faults = " OR ".join(entry.fault for entry in typed if entry.faulty) or "false"
    engine.execute(
        f"CREATE TABLE rows AS SELECT *, {row_digest(columns)} AS {quote(ROW_DIGEST)} FROM "
        f"(SELECT {values}, {quote(FILE)} FROM {CLEANED} WHERE NOT ({faults}) ORDER BY row)"
    )
    engine.execute(f"DROP TABLE {CLEANED}")
    return columns


def check_declared(declared: Mapping[str, Declared], names: Sequence[str]) -> None:
    """SpecError for columns that the spec names and the data does not have."""
    for name in declared:
        if name not in names:
            raise SpecError(
                f'the data has no column "{name}"{did_you_mean(name, names)}', hint=f"it has {', '.join(names)}"
            )


def check_share(engine: Engine, reading: Reading, refused: int, max_share: float) -> None:
    total = reading.rows + reading.rejected
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
    return f"(md5_number_lower({text}) >> 1)::BIGINT"


def _as_text(column: Column) -> str:
    """Equal for equal values, whether a growing column is of integers or has become one of numbers."""
    number = column.type in ("integer", "number") and column.role != "id"
    return f"{quote(column.name)}::DOUBLE::VARCHAR" if number else f"{quote(column.name)}::VARCHAR"


def _create_cleaned(engine: Engine, reading: Reading, sql_types: Mapping[str, str]) -> None:
    """Turn `raw` into `cleaned`, row numbers kept."""
    inner, outer = [], []
    for name in reading.columns:
        value, kind = quote(name), natural_type(sql_types[name])
        known = value
        if kind == "text":
            text = f"{value}::VARCHAR"
            inner.append(f"{parsing.stripped(text) if reading.rules.strip else text} AS {value}")
            known = parsing.without_null_words(value, reading.rules.null_words)
        else:
            inner.append(value)
        if kind == "number":
            known = f"CASE WHEN NOT isnan({value}::DOUBLE) THEN {value}::DOUBLE END"
        outer.append(f"{known} AS {value}")
    engine.execute(
        f"CREATE TABLE {CLEANED} AS SELECT row, {', '.join(outer)}, {quote(FILE)} "
        f"FROM (SELECT rowid AS row, {', '.join(inner)}, {quote(FILE)} FROM raw ORDER BY rowid)"
    )
    engine.execute("DROP TABLE raw")


def _type(engine: Engine, reading: Reading, name: str, sql_type: str, declared: Declared, allowed: int) -> Typed:
    natural = natural_type(sql_type)
    wanted: ColumnType | None = "timestamp" if declared.formats and declared.type is None else declared.type
    if natural is None and declared.role != "ignore":
        raise DataError(f'column "{name}" holds {sql_type} values', hint=f"columns: {{{name}: {{role: ignore}}}}")
    if natural == "text" and wanted is None and reading.textual:
        found = gather(engine, CLEANED, name, reading.rules.decimal, declared.formats)
        strict = declared.role in STRICT_ROLES
        wanted = decide(
            name,
            found,
            allowed,
            strict=strict,
            examples=lambda kind: _first_faults(engine, reading, name, kind, declared),
        )
    kind = wanted or natural or "text"
    if natural == "integer" and kind in ("integer", "number") and _too_large(engine, name):
        kind = "text"
    if kind == "timestamp":
        _check_timestamps(engine, name, natural, sql_type, declared)
    value = _value(name, kind, natural, sql_type, declared, reading.rules.decimal)
    zone = (declared.timezone or "UTC") if kind == "timestamp" else None
    typed = Typed(Column(name, kind, declared.role, timezone=zone), value)
    faulty = kind != "text" and engine.value(f"SELECT count(*) FROM {CLEANED} WHERE {typed.fault}")
    return replace(typed, faulty=bool(faulty))


def _too_large(engine: Engine, name: str) -> bool:
    largest = engine.value(f"SELECT max(abs({quote(name)}::HUGEINT)) FROM {CLEANED}")
    return largest is not None and largest > parsing.LARGEST_INTEGER


def _value(
    name: str, kind: ColumnType, natural: ColumnType | None, sql_type: str, declared: Declared, decimal: str
) -> str:
    """SQL for the column's values as `kind`, from text or from a source that has types."""
    value = quote(name)
    if kind == "text" or natural is None:
        return f"{value}::VARCHAR"
    if natural == "timestamp" and kind == "timestamp":
        aware = sql_type.endswith("TIME ZONE")
        return f"timezone('UTC', {value})" if aware else parsing.in_utc(f"{value}::TIMESTAMP", declared.timezone)
    if natural in ("integer", "number", "boolean"):
        if kind in ("integer", "number"):
            number = f"CASE WHEN isfinite({value}::DOUBLE) THEN {value}::DOUBLE END"
            return number if kind == "number" else parsing.integer(number)
        if natural == kind:
            return value
    text = value if natural == "text" else f"{value}::VARCHAR"
    if kind == "boolean":
        return parsing.boolean(text)
    if kind == "timestamp":
        return parsing.timestamp(text, declared.formats, declared.timezone)
    number = parsing.number(text, decimal)
    return number if kind == "number" else parsing.integer(number)


def _check_timestamps(engine: Engine, name: str, natural: ColumnType | None, sql_type: str, declared: Declared) -> None:
    """SpecError for a format that is none; DataError for a time of day of which nobody says in which zone it is."""
    for form in declared.formats:
        if form != parsing.ISO:
            try:
                engine.value(f"SELECT try_strptime('', {literal(form)})")
            except duckdb.InvalidInputException as error:
                reason = str(error).splitlines()[0].rpartition(": ")[2]
                raise SpecError(f'column "{name}": "{form}" is not a date format: {reason}') from error
    if declared.timezone or declared.role == "ignore" or sql_type == "DATE" or sql_type.endswith("TIME ZONE"):
        return
    local = "true" if natural == "timestamp" else parsing.local_time(quote(name), declared.formats)
    example = engine.value(
        f"SELECT {quote(name)}::VARCHAR FROM {CLEANED} WHERE {quote(name)} IS NOT NULL AND {local} LIMIT 1"
    )
    if example is not None:
        raise DataError(
            f'column "{name}": "{example}" names no time zone',
            hint=f"columns: {{{name}: {{timezone: UTC}}}}, or the zone it was written in",
        )


def _first_faults(engine: Engine, reading: Reading, name: str, kind: ColumnType, declared: Declared) -> str:
    """The first values that are not of a type, one a line, with their places."""
    value = _value(name, kind, "text", "VARCHAR", declared, reading.rules.decimal)
    fault = Typed(Column(name, kind), value).fault
    rows = dict(engine.rows(f"SELECT row, {quote(name)} FROM {CLEANED} WHERE {fault} ORDER BY row LIMIT 3"))
    places = reading.places(list(rows))
    return "\n".join(f'  {places[row][0]}:{places[row][1]}: "{value}"' for row, value in rows.items())


def _refuse_faulty(engine: Engine, reading: Reading, faulty: Sequence[Typed]) -> int:
    """Write rows with a faulty value to `rejects`, by their first fault; return how many there are."""
    first: dict[int, tuple[str, str, str]] = {}
    for entry in faulty:
        name = entry.column.name
        rows = engine.rows(f"SELECT row, {quote(name)}::VARCHAR FROM {CLEANED} WHERE {entry.fault} ORDER BY row")
        for row, value in rows:
            first.setdefault(row, (name, value, f"is not {WANTED[entry.column.type]}"))
    places = reading.places(sorted(first))
    refusals: list[Refusal] = [(*places[row], *first[row]) for row in sorted(first)]
    refuse(engine, refusals)
    return len(refusals)
