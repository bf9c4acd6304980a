"""Guards about words: values that differ by spelling only, and words that mean missing."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.core.columns import Column
from modelwright.core.spelling import how_to_mend, same_but_for_spelling
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.leaks.evidence import MOST_SAID, Leak

NULL_WORDS = frozenset(
    {"?", "-", "--", ".", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "<na>", "\\n"}
)

FIRST = 1000  # rows by which decimal commas are recognised


def spelt_differently(engine: Engine, columns: Sequence[Column]) -> list[Leak]:
    """Categories (and classes) that differ by spelling only: a model takes them for different things."""
    leaks = []
    for column in columns:
        if column.type == "category" and column.role in ("input", "target", "entity"):
            for group in same_but_for_spelling(column.categories or ()):
                counts = _counts(engine, column.name, group)
                listed = ", ".join(f"'{value}' ({counts.get(value, 0):,})" for value in group)
                said = f'"{column.name}" has values that differ by spelling only: {listed}; '
                said += how_to_mend(column.name, group)
                leaks.append(Leak("spelling", (column.name,), {"values": counts}, said))
    return leaks[:MOST_SAID]


def words_for_missing(engine: Engine, columns: Sequence[Column]) -> list[Leak]:
    """Categories such as `?`, which mean that nothing is known."""
    found: dict[str, dict[str, int]] = {}
    for column in columns:
        if column.type == "category" and column.role == "input":
            words = [word for word in column.categories or () if word.strip().lower() in NULL_WORDS]
            if words:
                found[column.name] = _counts(engine, column.name, words)
    if not found:
        return []
    words = sorted({word for counts in found.values() for word in counts})
    listed = ", ".join(
        f"'{word}' in {sum(counts.get(word, 0) for counts in found.values()):,} values of "
        + ", ".join(f'"{name}"' for name, counts in found.items() if word in counts)
        for word in words
    )
    spelt = ", ".join(f'"{word}"' for word in words)
    said = f"words that look like missing values are taken as categories: {listed}; source: {{null_words: [{spelt}]}}"
    return [Leak("null_word", tuple(found), {"values": found}, said)]


def decimal_commas(engine: Engine, columns: Sequence[Column]) -> list[Leak]:
    """Numbers such as `3,14` that were taken as text, by the first rows."""
    names = [column.name for column in columns if column.type in ("text", "category") and column.role == "input"]
    tests = [
        f"count({quote(name)}), count(*) FILTER (regexp_full_match({quote(name)}, '[+-]?[0-9]+(,[0-9]+)?')), "
        f"count(*) FILTER (contains({quote(name)}, ','))"
        for name in names
    ]
    if not tests:
        return []
    counts = engine.rows(f"SELECT {', '.join(tests)} FROM (SELECT * FROM rows LIMIT {FIRST})")[0]
    triples = zip(counts[::3], counts[1::3], counts[2::3], strict=True)
    found = [
        name for name, (some, like, commas) in zip(names, triples, strict=True) if some == like and 2 * commas > some
    ]
    if not found:
        return []
    listed = ", ".join(f'"{name}"' for name in found)
    said = f"numbers with a decimal comma are taken as text: {listed}; source: {{decimal: ','}}"
    return [Leak("decimal_comma", tuple(found), {}, said)]


def _counts(engine: Engine, name: str, words: Sequence[str]) -> dict[str, int]:
    listed = ", ".join(literal(word) for word in words)
    query = f"SELECT {quote(name)}, count(*) FROM rows WHERE {quote(name)} IN ({listed}) GROUP BY 1 ORDER BY 1"
    return {str(value): int(count) for value, count in engine.rows(query)}
