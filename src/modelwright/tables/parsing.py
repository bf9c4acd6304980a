"""How text becomes numbers, booleans and timestamps, as SQL expressions that are NULL where a value can't be read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modelwright.tables.engine import literal
from modelwright.tables.reading import Blanks

BLANKS = " \t\r\n\v\f\u00a0\ufeff"
BEYOND_ASCII = "\u0080"  # the blanks of ASCII precede !
AT_AN_END = r"^[\s\v\x{a0}\x{feff}]|[\s\v\x{a0}\x{feff}]$"
LARGEST_INTEGER = 2**53 - 1  # beyond it a float64 can't tell neighbours apart
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")
DATE = r"\d{4}-\d{2}-\d{2}"
TIME = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
OFFSET = r"(Z|[+-]\d{2}(:?\d{2})?)"
ISO_DATE = f"{DATE}"
ISO_LOCAL = f"{DATE}{TIME}"
ISO_ABSOLUTE = f"{DATE}{TIME}{OFFSET}"
ISO = "iso"  # among `format:`, stands for ISO 8601


def bare(text: str, blanks: Blanks = "any") -> str:
    """Text without the blanks around it."""
    return f"CASE WHEN {padded(text, blanks)} THEN {trimmed(text)} ELSE {text} END"


def padded(text: str, blanks: Blanks = "any") -> str:
    """Whether there may be blanks around the text: `trim` would be slow, and seldom has anything to do."""
    if blanks != "any":
        broken = f" OR suffix({text}, chr(10))" if blanks == "plain" else ""
        return f"({text} < '!' OR suffix({text}, ' '){broken})"
    outer = f"({text} < '!' OR {text} >= '{BEYOND_ASCII}' OR ({text})[-1] < '!' OR ({text})[-1] >= '{BEYOND_ASCII}')"
    return f"({outer} AND regexp_matches({text}, {literal(AT_AN_END)}))"


def trimmed(text: str) -> str:
    return f"trim({text}, {literal(BLANKS)})"


def without_null_words(text: str, words: Sequence[str]) -> str:
    """NULL where the text is empty or means missing."""
    return f"CASE WHEN {text} NOT IN ({', '.join(literal(word) for word in sorted({'', *words}))}) THEN {text} END"


def number(text: str, decimal: str = ".") -> str:
    """A finite DOUBLE. Underscores and the words inf and nan, which casts would take, are not numbers."""
    found = cast(text, decimal)
    return f"CASE WHEN {is_number(text, found)} THEN {found} END"


def cast(text: str, decimal: str = ".") -> str:
    """What DuckDB takes for a number, which is too much: see `is_number`."""
    if decimal == ",":
        text = f"CASE WHEN NOT contains({text}, '.') THEN replace({text}, ',', '.') END"
    return f"try_cast({text} AS DOUBLE)"


def is_number(text: str, cast: str) -> str:
    return f"isfinite({cast}) AND NOT contains({text}, '_')"


def fraction(text: str, decimal: str = ".") -> str:
    """True where a number is written with a decimal sign or an exponent, whatever its value."""
    return "(" + " OR ".join(f"contains({text}, '{sign}')" for sign in (decimal, "e", "E")) + ")"


def canonical_integer(text: str, cast: str) -> str:
    """The BIGINT that `cast` made of a text, where it is written just so: without +, leading zeros, point, exponent."""
    return f"CASE WHEN {cast}::VARCHAR = {text} AND abs({cast}) <= {LARGEST_INTEGER} THEN {cast} END"


def canonical_timestamp(text: str, cast: str, timezone: str | None) -> str:
    """As `timestamp`; a text is what `cast` made of it if it is written just so: 2026-01-31 23:59:59."""
    canonical = f"strlen({text}) = 19 AND {cast}::VARCHAR = {text}"  # a year of five digits, or BC, takes more
    return f"CASE WHEN {canonical} THEN {in_utc(cast, timezone)} ELSE {timestamp(text, (), timezone)} END"


def integer(number: str) -> str:
    """A BIGINT from a DOUBLE that is whole and exact."""
    return f"CASE WHEN {number} = trunc({number}) AND abs({number}) <= {LARGEST_INTEGER} THEN ({number})::BIGINT END"


def boolean(text: str) -> str:
    true, false = (", ".join(map(literal, words)) for words in (TRUE_WORDS, FALSE_WORDS))
    return f"CASE WHEN lower({text}) IN ({true}) THEN true WHEN lower({text}) IN ({false}) THEN false END"


def timestamp(text: str, formats: Sequence[str], timezone: str | None) -> str:
    """A TIMESTAMP in UTC; the formats are tried in order, ISO 8601 where there are none."""
    tried = [_iso(text, timezone) if form == ISO else _formatted(text, form, timezone) for form in formats or (ISO,)]
    return tried[0] if len(tried) == 1 else f"coalesce({', '.join(tried)})"


def local_time(text: str, formats: Sequence[str]) -> str:
    """True where a value has a time of day but no offset from UTC, so that a time zone must be known."""
    tests = []
    for form in formats or (ISO,):
        if form == ISO:
            tests.append(matches(text, ISO_LOCAL))
        elif _has_time(form) and not _has_offset(form):
            tests.append(f"try_strptime({text}, {literal(form)}) IS NOT NULL")
    return f"({' OR '.join(tests)})" if tests else "false"


def matches(text: str, pattern: str) -> str:
    """Whether all of the text matches; the cheap LIKE spares most values the regular expression."""
    return f"({text} LIKE '____-__-__%' AND regexp_full_match({text}, {literal(pattern)}))"


def in_utc(local: str, timezone: str | None) -> str:
    """A TIMESTAMP in UTC from one in a time zone; as it is where none is given."""
    return f"timezone('UTC', timezone({literal(timezone)}, {local}))" if timezone and timezone != "UTC" else local


def _iso(text: str, timezone: str | None) -> str:
    local = matches(text, f"{ISO_DATE}|{ISO_LOCAL}")
    return (
        f"CASE WHEN {local} THEN {in_utc(f'try_cast({text} AS TIMESTAMP)', timezone)} "
        f"WHEN {matches(text, ISO_ABSOLUTE)} THEN timezone('UTC', try_cast({text} AS TIMESTAMPTZ)) END"
    )


def _formatted(text: str, form: str, timezone: str | None) -> str:
    parsed = f"try_strptime({text}, {literal(form)})"
    return f"timezone('UTC', {parsed})" if _has_offset(form) else in_utc(parsed, timezone)


def _has_offset(form: str) -> bool:
    return re.search("%[zZ]", form.replace("%%", "")) is not None


def _has_time(form: str) -> bool:
    return re.search("%-?[HIMSfgncXT]", form.replace("%%", "")) is not None
