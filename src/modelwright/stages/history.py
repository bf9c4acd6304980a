"""Columns of the past: added to the cleaned rows while preparing, and written as SQL for those who serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import SpecError
from modelwright.stages.placing import said_of

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.spec.prepare import Prepare
    from modelwright.stages.incoming import Incoming
    from modelwright.tables.engine import Engine
    from modelwright.tables.history import Past

BATCH_ROWS = 65_536  # that get their past together


@dataclass(frozen=True)
class AddedPast:
    """The columns with those made of the past, and what a person should think of."""

    columns: list[Column]
    warnings: list[str]


def add_history(engine: Engine, prepare: Prepare, columns: Sequence[Column], *, by_time: bool) -> AddedPast:
    """Add to `rows` what the spec wants of the past; `by_time`: whether the split is one."""
    from modelwright.tables.history import add_past

    made = list(columns)
    warnings: list[str] = []
    for number, entry in enumerate(prepare.history):
        with said_of(f"prepare.history.{number}"):
            past = entry.past(columns)
            _check_names(past, made)
        add_past(engine, "rows", past)
        made += [Column(value.name, value.type, timezone=_zone(value.column, columns)) for value in past.values]
        warnings += _target_warnings(past, columns, by_time=by_time)
    return AddedPast(made, list(dict.fromkeys(warnings)))


def without_history(schema: Schema, prepare: Prepare) -> Schema:
    """Only the columns that the source itself delivers."""
    made = {name for entry in prepare.history for name in entry.made()}
    return replace(schema, columns=tuple(column for column in schema.columns if column.name not in made))


def with_history(
    rows: Incoming, past: Incoming, schema: Schema, prepare: Prepare, folder: Path
) -> Iterator[pa.RecordBatch]:
    """The schema's columns, for rows that lack those of the past: by the bundle's own SQL, from `past` alone.

    The past is kept on disk, in `folder`, where it does not fit in memory; of the rows one batch is held at a time.
    """
    import pyarrow as pa

    from modelwright.core.threads import available_threads
    from modelwright.core.units import parse_bytes
    from modelwright.tables.at_rest import at_rest
    from modelwright.tables.engine import open_engine
    from modelwright.tables.history import as_of_query

    memory = parse_bytes(prepare.memory)
    computed = f"SELECT {at_rest(schema.columns)} FROM ({as_of_query(_pasts(schema, prepare))}) ORDER BY __position__"
    with open_engine(folder, memory=memory, threads=available_threads(), readable=[]) as engine:
        engine.register("given", past.engine.arrow(f"FROM ({past.query}) LIMIT 0"))
        engine.execute("CREATE TABLE history AS FROM given")
        for batch in past.batches(BATCH_ROWS):
            engine.register("given", pa.Table.from_batches([batch]))
            engine.execute("INSERT INTO history FROM given")
        for batch in rows.batches(BATCH_ROWS):
            engine.register("given", pa.Table.from_batches([batch]))
            engine.execute(
                "CREATE OR REPLACE TABLE requests AS SELECT row_number() OVER () AS __position__, * FROM given"
            )
            yield from engine.batches(computed)


def bundle_history(schema: Schema, prepare: Prepare) -> dict[str, Any] | None:
    """`history.json` of a bundle: the SQL that gives a request's columns of the past, and from which rows; or None."""
    from modelwright.tables.history import as_of_query

    pasts = _pasts(schema, prepare)
    if not pasts:
        return None
    return {
        "rule": "A row counts if its time is earlier than the request's by at least the delay, never the same moment.",
        "columns": [_described(past, number) for past in pasts for number in range(len(past.values))],
        "sql": as_of_query(pasts),
    }


def _pasts(schema: Schema, prepare: Prepare) -> list[Past]:
    return [entry.past(schema.columns) for entry in prepare.history]


def _described(past: Past, number: int) -> dict[str, Any]:
    value = past.values[number]
    return {
        "name": value.name,
        "entity": past.entity,
        "time": past.time,
        "column": value.column,
        "statistic": value.statistic or ("seconds since" if value.seconds_since else "value"),
        "rows_back": None if value.statistic else value.back,
        "window_s": None if past.window_us is None else past.window_us / 1e6,
        "delay_s": past.delay_us / 1e6,
    }


def _check_names(past: Past, columns: Sequence[Column]) -> None:
    taken = {column.name for column in columns}
    for value in past.values:
        if value.name in taken:
            raise SpecError(f'a column "{value.name}" exists already', hint="give one of them a suffix")
        taken.add(value.name)


def _zone(name: str | None, columns: Sequence[Column]) -> str | None:
    return next((column.timezone for column in columns if column.name == name and column.type == "timestamp"), None)


def _target_warnings(past: Past, columns: Sequence[Column], *, by_time: bool) -> list[str]:
    target = next((column.name for column in columns if column.role == "target"), None)
    if not any(value.column == target for value in past.values):
        return []
    warnings = []
    if not past.delay_us:
        warnings.append(
            f'history takes the target "{target}" as known at once; if it becomes known later, say how much: delay: 2h'
        )
    if not by_time:
        warnings.append(
            f'history uses the target "{target}", but the split is not by time: learn then holds what followed test; '
            "see {kind: time}"
        )
    return warnings
