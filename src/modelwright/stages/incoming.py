"""Reads new rows for a model that exists: types are those of its schema, row-wise cleaners apply, nothing is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.core.threads import available_threads
from modelwright.core.units import parse_bytes
from modelwright.parts import catalog
from modelwright.stages.cleaning import clean
from modelwright.stages.declared import pinned_columns
from modelwright.tables.sources.recognition import kind_of

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.parts.base import Reader
    from modelwright.spec.prepare import Prepare
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Refusal

SQL_TYPES = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP"}  # else VARCHAR
TEXTS = frozenset({"csv", "baskets", "lines"})  # by their content these can't be told apart for certain
GLOB = frozenset("*?[")
Truth = Literal["needed", "welcome", "hidden"]  # whether the target must be there, may be, or must not be seen
NEEDED = ("input", "id")  # columns that new data must have; the others are missing where they are absent


@dataclass(frozen=True)
class IncomingRows:
    """`table` has the schema's columns and `__row__`, in the order of the source.

    `rejected` are rows that could not be read: file, line, column, value, reason. `removed` were dropped by cleaners.
    """

    table: pa.Table
    told_apart_by: list[str]  # columns that `__row__` is made of
    rejected: tuple[Refusal, ...]
    read: int
    removed: int


@dataclass(frozen=True)
class Incoming:
    """The same while they are still in the engine, which keeps what does not fit in memory on disk."""

    engine: Engine
    query: str
    rows: int
    told_apart_by: list[str]
    rejected: tuple[Refusal, ...]
    read: int
    removed: int

    def table(self) -> pa.Table:
        return self.engine.arrow(self.query)

    def batches(self, size: int) -> Iterator[pa.RecordBatch]:
        return self.engine.batches(self.query, size)


def read_rows(
    reader: Reader,
    base: Path,
    schema: Schema,
    prepare: Prepare,
    *,
    engine_folder: Path,
    target: Truth,
    past: bool = False,
) -> IncomingRows:
    """Rows of a reader as the model of `schema` expects them; see `incoming`, which does not hold them all at once."""
    with incoming(reader, base, schema, prepare, engine_folder=engine_folder, target=target, past=past) as found:
        return IncomingRows(found.table(), found.told_apart_by, found.rejected, found.read, found.removed)


@contextmanager
def incoming(
    reader: Reader,
    base: Path,
    schema: Schema,
    prepare: Prepare,
    *,
    engine_folder: Path,
    target: Truth,
    past: bool = False,
) -> Iterator[Incoming]:
    """Rows of a reader as the model of `schema` expects them. Columns that the schema does not know are passed over.

    The target is missing on all rows where it is hidden or absent, and may always be on some (labels arrive late).
    DataError when a column is absent, more rows than `prepare.max_reject_share` can't be read, or an input that was
    never missing in learn is missing now.

    Of rows that are the `past` of others, each counts once: what removes duplicates applies to them too.
    """
    from modelwright.tables.at_rest import at_rest
    from modelwright.tables.engine import open_engine
    from modelwright.tables.typing import Declared, told_apart_by, type_rows

    files, memory = reader.inputs(base), parse_bytes(prepare.memory)
    with open_engine(engine_folder, memory=memory, threads=available_threads(), readable=files) as engine:
        reading = reader.open(engine, base)
        check_present(schema, prepare, reading.columns, reading.files, target)
        pinned = pinned_columns(prepare, schema, textual=reading.textual)
        declared = {name: pinned.get(name, Declared(role="ignore")) for name in reading.columns}
        hidden = [column.name for column in schema.of_role("target") if target == "hidden"]
        declared.update({name: Declared("text", "ignore") for name in hidden if name in declared})
        typed, reading = type_rows(engine, reading, declared, prepare.max_reject_share)
        columns = list(typed)
        digest_of = told_apart_by(columns)
        columns = _complete(engine, schema, columns, hidden)
        again = [cleaner for cleaner in prepare.clean if cleaner.row_wise or (past and not cleaner.adds_columns)]
        columns, removed = clean(engine, again, columns, base, after_split=False)
        _check_missing(engine, schema)
        query = f"SELECT {at_rest(schema.columns)} FROM rows ORDER BY rowid"
        dropped = sum(entry["removed"] for entry in removed)
        refusals: list[Any] = engine.rows('SELECT file, line, "column", value, reason FROM rejects ORDER BY rowid')
        rows, read = int(engine.value("SELECT count(*) FROM rows")), reading.rows + reading.rejected
        yield Incoming(engine, query, rows, digest_of, tuple(refusals), read, dropped)


def reader_for(path: Path, source: Reader) -> Reader:
    """The spec's reader on another path; by the file's own first bytes where the spec's reads something else."""
    first = (
        min(Path(path.anchor).glob(str(path.relative_to(path.anchor))), default=path) if GLOB & set(str(path)) else path
    )
    wanted, place = kind_of(first), str(path.absolute())
    if wanted == source.kind or {wanted, source.kind} <= TEXTS:
        own = {name: None for name in ("labels",) if name in type(source).model_fields}  # a file beside the spec's
        return source.model_copy(update={"path": place, **own})
    reader: Any = catalog.load("readers", wanted)
    try:
        made: Reader = reader(path=place)
    except ValidationError:
        hint = "name the table or the query in a spec: prepare.source"
        raise DataError(f"a {wanted} file can't be read without a spec for it", where=str(path), hint=hint) from None
    return made


def check_present(
    schema: Schema, prepare: Prepare, columns: Sequence[str], files: Sequence[str], target: Truth
) -> None:
    """DataError when data with these columns lacks one that the model needs."""
    made_of_the_past = {name for entry in prepare.history for name in entry.made()}
    for column in schema.columns:
        needed = column.role in NEEDED or (column.role == "target" and target == "needed")
        if needed and column.name not in columns:
            if column.name in made_of_the_past:
                raise DataError(
                    f'no column "{column.name}", which is made of the past of each row',
                    where=files[0] if files else "",
                    hint="history.sql in the bundle says how to compute it from the rows known so far",
                )
            raise DataError(
                f'no column "{column.name}", which the model was made with{did_you_mean(column.name, columns)}',
                where=files[0] if files else "",
                hint=f"the data has {', '.join(columns)}",
            )


def _complete(engine: Engine, schema: Schema, columns: Sequence[Column], hidden: Sequence[str]) -> list[Column]:
    """Give `rows` every column of the schema: missing on all rows where it is absent or must not be seen."""
    from modelwright.tables.engine import quote

    present = [column for column in columns if column.name not in hidden]
    absent = [column for column in schema.columns if column.name not in {one.name for one in present}]
    if absent:
        excluded = [quote(name) for name in hidden if name in {column.name for column in columns}]
        kept = f"* EXCLUDE ({', '.join(excluded)})" if excluded else "*"
        empty = ", ".join(f"NULL::{SQL_TYPES.get(column.type, 'VARCHAR')} AS {quote(column.name)}" for column in absent)
        engine.replace("rows", f"SELECT {kept}, {empty} FROM rows ORDER BY rowid")
    return [*present, *absent]


def _check_missing(engine: Engine, schema: Schema) -> None:
    from modelwright.tables.engine import quote

    for column in schema.of_role("input"):
        if column.nullable:
            continue
        missing = engine.value(f"SELECT count(*) FROM rows WHERE {quote(column.name)} IS NULL")
        if missing:
            raise DataError(
                f'"{column.name}" is missing in {missing:,} rows, and never was in learn',
                hint=f"columns: {{{column.name}: {{nullable: true}}}}, if the model may be asked without it",
            )
