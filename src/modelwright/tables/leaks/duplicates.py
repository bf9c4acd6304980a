"""Guard: rows outside learn whose inputs nearly repeat those of a row of learn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from modelwright.core.columns import Column
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.leaks.evidence import Floats, Leak, Sample, percent
from modelwright.tables.reading import SPLIT

MOST_PROBES = 20_000  # rows outside learn that are looked at
KEY_COLUMNS = 3  # by which rows of learn are looked up before all columns are compared
MOST_COMPARED = 200  # columns: the most telling ones
RARE = 100  # with fewer possible rows than this for each row, equal rows mean nothing
FEW = 5  # repeated rows that are worth a word, where they are this share of those outside learn
SHARE = 0.01
BLANKS = " \t\n.,;:!?-_'\"()"


def repeated_across(engine: Engine, sample: Sample, target: Column) -> list[Leak]:
    """How many rows outside learn have a near twin in it, target and all.

    Numbers count as equal to about a thousandth of the column's spread, words but for case, blanks and punctuation;
    ids, times and weights are not compared. Nothing is said where rows may well be the same by chance.
    """
    columns = _most_telling(sample)
    if not columns or not _coincidences_are_rare(sample, columns):
        return []
    normal = [_normal(column, sample.values[column.name]) for column in columns]
    key, digest = f"hash({', '.join(normal[:KEY_COLUMNS])})", f"hash({', '.join(normal)})"
    truth = _normal(target, sample.target)
    outside = engine.value(f"SELECT count(*) FROM rows WHERE {quote(SPLIT)} <> 'learn'")
    share = int(MOST_PROBES / outside * 2**32) if outside > MOST_PROBES else 2**32
    engine.execute(
        f"CREATE TABLE probes AS SELECT rowid AS row, {key} AS key, {digest} AS digest, {truth} AS truth FROM rows "
        f"WHERE {quote(SPLIT)} <> 'learn' AND (rowid * 2654435761) % 4294967296 < {share}"
    )
    engine.execute(
        f"CREATE TABLE twins AS SELECT digest, truth, min(row) AS row FROM (SELECT rowid AS row, {digest} AS digest, "
        f"{truth} AS truth FROM rows WHERE {quote(SPLIT)} = 'learn' AND {key} IN (SELECT key FROM probes)) GROUP BY ALL"
    )
    leaks = _counted(engine, columns, target)
    engine.execute("DROP TABLE probes")
    engine.execute("DROP TABLE twins")
    return leaks


def _most_telling(sample: Sample) -> list[Column]:
    """Inputs by how many different values the sample has of them, most first; constant ones left out."""
    different = {column.name: len(np.unique(sample.values[column.name])) for column in sample.of("input")}
    order = sorted(sample.of("input"), key=lambda column: -different[column.name])
    return [column for column in order if different[column.name] > 1][:MOST_COMPARED]


def _coincidences_are_rare(sample: Sample, columns: Sequence[Column]) -> bool:
    """Whether rows would hardly be equal if the columns knew nothing of each other."""
    log = 0.0
    for column in columns:
        _, counts = np.unique(_rounded(sample, column), return_counts=True)
        log += math.log(float(((counts / counts.sum()) ** 2).sum()))
    return -log > math.log(RARE) + math.log(max(sample.rows, 1))


def _rounded(sample: Sample, column: Column) -> Floats:
    values = sample.values[column.name]
    return np.round(values / _step(values)) if column.type == "number" else values


def _step(values: Floats) -> float:
    """A round number of about a thousandth of the spread: what counts as no difference."""
    known = values[~np.isnan(values)]
    spread = float(np.subtract(*np.quantile(known, [0.95, 0.05], method="inverted_cdf"))) if len(known) else 0.0
    return 10.0 ** math.floor(math.log10(spread / 1000)) if 0 < spread < math.inf else 1.0


def _normal(column: Column, values: Floats) -> str:
    """SQL for a value without what makes no difference."""
    name = quote(column.name)
    if column.type == "text":
        return f"translate(lower({name}), {literal(BLANKS)}, '')"
    if column.type == "number":
        return f"round({name} / {_step(values)!r}::DOUBLE)"
    return name


def _counted(engine: Engine, columns: Sequence[Column], target: Column) -> list[Leak]:
    looked_at = engine.value("SELECT count(*) FROM probes")
    twins = "FROM probes JOIN twins ON probes.digest = twins.digest"
    inputs = engine.value(f"SELECT count(DISTINCT probes.row) {twins}")
    same = f"{twins} AND probes.truth = twins.truth"
    found = engine.value(f"SELECT count(*) {same}")
    if found < max(FEW, SHARE * looked_at):
        return []
    shown = [column.name for column in columns[:KEY_COLUMNS]] + [target.name]
    pairs = engine.rows(f"SELECT probes.row, twins.row {same} ORDER BY probes.row LIMIT 3")
    examples = [[_row(engine, shown, row) for row in pair] for pair in pairs]
    first = " and ".join(", ".join(f"{name} = {value}" for name, value in row.items()) for row in examples[0])
    said = (
        f"{found:,} ({percent(found / looked_at)}) of {looked_at:,} rows outside learn nearly repeat a row of learn, "
    )
    said += f"target and all ({inputs:,} its inputs): they test what was learnt by heart; such as {first}. See "
    said += "{kind: drop_duplicates}, or give what such rows have in common the role entity"
    evidence = {"looked_at": looked_at, "repeated": found, "inputs_repeated": inputs, "rows": examples}
    return [Leak("near_duplicates", tuple(column.name for column in columns), evidence, said)]


def _row(engine: Engine, shown: Sequence[str], row: int) -> dict[str, str]:
    values = engine.rows(f"SELECT {', '.join(map(quote, shown))} FROM rows WHERE rowid = {row}")[0]
    return {name: str(value)[:60] for name, value in zip(shown, values, strict=True)}
