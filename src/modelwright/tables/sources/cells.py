"""SQL that turns all columns of `raw` into values in one pass, and marks the values that need a second look.

Most values are read as they stand. Only those that can't be are stripped, compared with the null words and tried again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from modelwright.core.columns import Column, ColumnType, Role
from modelwright.tables import parsing
from modelwright.tables.engine import quote
from modelwright.tables.inference import BOOLEANS
from modelwright.tables.reading import FILE, TextRules

ODD = "__odd__"  # in `rows` while types are found out: a list of texts, one for each cell that may have any


@dataclass(frozen=True)
class Declared:
    """What is known of a column before its values are seen."""

    type: ColumnType | None = None
    role: Role = "input"
    timezone: str | None = None
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A column of `raw` with the type to read it as, and why: `guessed` from its first values, or known."""

    name: str
    sql_type: str
    natural: ColumnType | None  # what the SQL type means
    declared: Declared
    kind: ColumnType
    guessed: bool = False
    wordy: bool = False  # its first values are not all true or false
    direct: bool = False  # a number that the source itself reads as such

    @property
    def column(self) -> Column:
        zone = (self.declared.timezone or "UTC") if self.kind == "timestamp" else None
        return Column(self.name, self.kind, self.declared.role, timezone=zone)

    @property
    def zone_unknown(self) -> bool:
        """Whether a time of day that names no zone would be a moment that nobody knows."""
        said = self.declared.timezone is not None or self.declared.role == "ignore"
        return self.kind == "timestamp" and not said

    @property
    def may_be_odd(self) -> bool:
        return self.natural is not None and self.kind != "text" and not self.direct


def known(name: str, natural: ColumnType | None, rules: TextRules) -> str:
    """SQL for a column's values as the source means them: without blanks, NULL where null words or NaN say so."""
    value = quote(name)
    if natural != "text":
        return f"CASE WHEN NOT isnan({value}::DOUBLE) THEN {value}::DOUBLE END" if natural == "number" else value
    text = f"{value}::VARCHAR"
    if rules.nulls_read:
        return _without_padded_null_words(text, rules) if rules.strip else text
    if rules.strip:
        text = parsing.bare(text, rules.blanks)
    return parsing.without_null_words(text, rules.null_words)


def _without_padded_null_words(text: str, rules: TextRules) -> str:
    """The text without blanks around it; only where there are some it may be a null word."""
    padded, trimmed = parsing.padded(text, rules.blanks), parsing.trimmed(text)
    return f"CASE WHEN {padded} THEN {parsing.without_null_words(trimmed, rules.null_words)} ELSE {text} END"


def read_cells(cells: Sequence[Cell], rules: TextRules, query: str = "raw") -> str:
    """A query of `raw`, or of what stands for it, for the cells' values, `__file__` and, last, `__odd__`.

    `__odd__` is NULL for most rows; else it lists, for each cell that may be odd, the text that could not be read or
    that speaks against a guess. What is not odd is what `inference.decide` would have taken it for, guessed or not.
    """
    for level, make in enumerate((_cast, _direct, _second, _value, _odd)):
        made = [(made, at) for at, cell in enumerate(cells) if (made := make(cell, Names(at), rules)) is not None]
        listed = ", ".join(["*", *(f"{sql} AS {Names(at)[level]}" for sql, at in made)])
        query = f"(SELECT {listed} FROM {query})" if made else query
    values = ", ".join(
        quote(cell.name) if cell.direct else f"{Names(at).value} AS {quote(cell.name)}" for at, cell in enumerate(cells)
    )
    odd = ", ".join(Names(at).odd for at, cell in enumerate(cells) if cell.may_be_odd)
    listed = f"CASE WHEN coalesce({odd}) IS NOT NULL THEN [{odd}] END" if odd else "NULL::VARCHAR[]"
    return f"SELECT {values}, {quote(FILE)}, {listed} AS {ODD} FROM {query}"


def odd_text(cells: Sequence[Cell], cell: Cell) -> str:
    """SQL over `rows` for what is odd of a cell; NULL where nothing is."""
    return f"{ODD}[{odd_place(cells, cell)}]"


def odd_place(cells: Sequence[Cell], cell: Cell) -> int:
    """Where the list of odd texts has that of a cell, from 1."""
    return [one.name for one in cells if one.may_be_odd].index(cell.name) + 1


class Names:
    """What the steps to a cell's value are called, for the place of the cell."""

    def __init__(self, at: int) -> None:
        self.cast, self.direct, self.second, self.value, self.odd = self._all = [
            f"__{step}_{at}__" for step in ("cast", "direct", "second", "value", "odd")
        ]

    def __getitem__(self, level: int) -> str:
        return self._all[level]


def could_be_direct(cell: Cell, rules: TextRules) -> bool:
    return cell.kind == "number" and _read_as_it_stands(cell, rules)


def _read_as_it_stands(cell: Cell, rules: TextRules) -> bool:
    """Whether text that can be read needs no cleaning: no null word could be read as a value."""
    if (
        cell.direct
        or not cell.may_be_odd
        or cell.natural != "text"
        or cell.sql_type != "VARCHAR"
        or cell.kind == "boolean"
    ):
        return False
    if any(re.match(r"[\s\d+\-.,]", word) for word in rules.null_words):
        return False
    return cell.kind != "timestamp" or not cell.declared.formats


def _only_stripped(cell: Cell, rules: TextRules) -> bool:
    return cell.kind == "text" and cell.natural == "text" and rules.strip and not rules.nulls_read


def _cast(cell: Cell, names: Names, rules: TextRules) -> str | None:
    """The number or moment that text may be, or the text without blanks: apart, so that it is computed once."""
    if _only_stripped(cell, rules):
        return parsing.bare(f"{quote(cell.name)}::VARCHAR", rules.blanks)
    if not _read_as_it_stands(cell, rules):
        return None
    text = quote(cell.name)
    if cell.kind == "number":
        return parsing.cast(text, rules.decimal)
    return f"try_cast({text} AS {'BIGINT' if cell.kind == 'integer' else 'TIMESTAMP'})"


def _direct(cell: Cell, names: Names, rules: TextRules) -> str | None:
    """The value of the text as it stands."""
    if not _read_as_it_stands(cell, rules):
        return None
    text = quote(cell.name)
    if cell.kind == "timestamp":
        return parsing.canonical_timestamp(text, names.cast, cell.declared.timezone)
    if cell.kind == "integer":
        return parsing.canonical_integer(text, names.cast)
    return (
        f"CASE WHEN {parsing.is_number(text, names.cast)} AND {text} >= '!' THEN {names.cast} END"  # blanks precede !
    )


def _second(cell: Cell, names: Names, rules: TextRules) -> str | None:
    """The cleaned text, where it was not read as it stands."""
    if cell.direct:
        return None
    if _only_stripped(cell, rules):
        return parsing.without_null_words(names.cast, rules.null_words)
    clean = known(cell.name, cell.natural, rules)
    return f"CASE WHEN {names.direct} IS NULL THEN {clean} END" if _read_as_it_stands(cell, rules) else clean


def _value(cell: Cell, names: Names, rules: TextRules) -> str | None:
    if cell.direct:
        return None
    if not cell.may_be_odd:
        return f"{names.second}::VARCHAR"
    if not _read_as_it_stands(cell, rules):
        return _cleaned_value(cell, names.second, rules)
    again = _parsed(cell, names.second, rules)
    return f"coalesce({names.direct}, {parsing.integer(again) if cell.kind == 'integer' else again})"


def _parsed(cell: Cell, text: str, rules: TextRules) -> str:
    if cell.kind == "timestamp":
        return parsing.timestamp(text, cell.declared.formats, cell.declared.timezone)
    return parsing.boolean(text) if cell.kind == "boolean" else parsing.number(text, rules.decimal)


def _cleaned_value(cell: Cell, given: str, rules: TextRules) -> str:
    """The value as the cell's kind, from cleaned text or from a source that has types."""
    kind, natural = cell.kind, cell.natural
    if natural == "timestamp" and kind == "timestamp":
        aware = cell.sql_type.endswith("TIME ZONE")
        return f"timezone('UTC', {given})" if aware else parsing.in_utc(f"{given}::TIMESTAMP", cell.declared.timezone)
    if natural in ("integer", "number", "boolean"):
        if kind in ("integer", "number"):
            number = f"CASE WHEN isfinite({given}::DOUBLE) THEN {given}::DOUBLE END"
            return number if kind == "number" else parsing.integer(number)
        if natural == kind:
            return given
    parsed = _parsed(cell, given if natural == "text" else f"{given}::VARCHAR", rules)
    return parsing.integer(parsed) if kind == "integer" else parsed


def _odd(cell: Cell, names: Names, rules: TextRules) -> str | None:
    """What was written, where there is no value for it or where it speaks against the guess."""
    if not cell.may_be_odd:
        return None
    text = names.second if cell.natural == "text" else f"{names.second}::VARCHAR"
    if _read_as_it_stands(cell, rules):
        if cell.kind == "integer":  # written as integers are
            against = _against(cell, text, names.value, rules)
            unlike = f"{names.value} IS NULL{f' OR {against}' if against else ''}"
            return f"CASE WHEN {names.direct} IS NULL AND ({unlike}) THEN {text} END"
        text = f"CASE WHEN {names.direct} IS NULL THEN {text} ELSE {quote(cell.name)} END"
    against = _against(cell, f"({text})", names.value, rules)
    return f"CASE WHEN {names.value} IS NULL {f'OR {against} ' if against else ''}THEN {text} END"


def _against(cell: Cell, text: str, value: str, rules: TextRules) -> str | None:
    if cell.zone_unknown and cell.natural != "timestamp":
        return parsing.local_time(text, cell.declared.formats)
    if not cell.guessed:
        return None
    if cell.kind == "boolean":
        return f"{text} NOT IN {BOOLEANS}"
    if cell.kind in ("timestamp", "number"):
        return None
    fraction, padded = parsing.fraction(text, rules.decimal), f"({text} > '0' AND {text} < '1')"
    return f"({fraction} OR {padded} OR abs({value}) > {parsing.LARGEST_INTEGER})"  # the last two may be codes and ids
