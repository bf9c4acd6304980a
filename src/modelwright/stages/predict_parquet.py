"""Predict: Parquet files whose columns have the model's types already are scored as they are read, without an engine.

What the engine would give is given here too, value for value. Whatever it would clean, refuse or complain about is
left to it: `NotPlain` is raised, and the caller goes on with the engine from the row where this ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.stages.declared import pinned_columns
from modelwright.tables.sources.partitions import is_partitioned

if TYPE_CHECKING:
    from modelwright.parts.base import Reader
    from modelwright.spec.prepare import Prepare

BATCH_ROWS = 65_536
BUFFER_BYTES = 1 << 20  # of each column, so that a file with one large row group is not read at once
EXACT = 2**53  # whole numbers beyond it do not fit in float64
WANTED_ROLES = ("input", "id", "time", "entity")
AT_REST = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string()}

Convert = Callable[[Any], Any]


class NotPlain(Exception):  # noqa: N818  # no error: another way is taken
    """Something in the files that the engine has to look at."""


@dataclass(frozen=True)
class PlainParquet:
    """Files that may be read directly. `columns` are those that the model and the output need."""

    files: Sequence[Path]
    columns: Sequence[Column]
    converters: Mapping[str, Convert]
    dictionaries: Sequence[str]  # columns of text that come as codes and words
    rows: int

    def batches(self) -> Iterator[pa.RecordBatch]:
        """In the order of the files. NotPlain at the first batch with a value that needs the engine."""
        for path in self.files:
            with _opened(path, self.dictionaries) as file:
                present = set(file.schema_arrow.names)
                names = [column.name for column in self.columns if column.name in present]
                try:
                    for batch in file.iter_batches(BATCH_ROWS, columns=names):
                        yield self._converted(batch)
                except (pa.ArrowException, OSError) as error:
                    raise NotPlain from error

    def _converted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = []
        for column in self.columns:
            if column.name in batch.schema.names:
                array = self.converters[column.name](batch.column(column.name))
            else:
                array = pa.nulls(batch.num_rows, at_rest(column.type))
            if column.role == "input" and not column.nullable and (array.null_count or _has_nan(array)):
                raise NotPlain
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in self.columns])


def plain_parquet(reader: Reader, base: Path, schema: Schema, prepare: Prepare) -> PlainParquet | None:
    """The files of a reader, if they can be read directly by what their metadata says; else None."""
    path = getattr(reader, "path", None)
    if reader.kind != "parquet" or not isinstance(path, str) or "://" in path or is_partitioned(base / path):
        return None
    if any(cleaner.row_wise for cleaner in prepare.clean):
        return None
    wanted = [column for column in schema.columns if column.role in WANTED_ROLES]
    pinned = pinned_columns(prepare, schema, textual=False)
    kinds = {column.name: None if pinned[column.name].formats else pinned[column.name].type for column in wanted}
    files = reader.inputs(base)
    try:
        found = [pq.read_metadata(file) for file in files]
        schemas = [metadata.schema.to_arrow_schema() for metadata in found]
    except (pa.ArrowException, OSError):
        return None
    if not schemas or any(one.remove_metadata() != schemas[0].remove_metadata() for one in schemas):
        return None
    types = {field.name: field.type for field in schemas[0]}
    if not _ordinary_names(schemas[0].names) or not all(_present(column, types) for column in wanted):
        return None
    converters: dict[str, Convert] = {}
    for column in wanted:
        if column.name in types:
            converter = _converter(kinds[column.name], column, types[column.name])
            if converter is None:
                return None
            converters[column.name] = converter
    texts = [column.name for column in wanted if column.role == "input" and column.type == "category"]
    rows = sum(metadata.num_rows for metadata in found)
    return PlainParquet(files, wanted, converters, [name for name in texts if name in types], rows) if rows else None


def _opened(path: Path, dictionaries: Sequence[str]) -> pq.ParquetFile:
    return pq.ParquetFile(path, read_dictionary=list(dictionaries), pre_buffer=False, buffer_size=BUFFER_BYTES)


def _ordinary_names(names: Sequence[str]) -> bool:
    """None given twice, also where only the case differs, and none that the engine uses itself."""
    own = {name for name in names if name.startswith("__")} - {ROW_DIGEST}
    return len({name.casefold() for name in names}) == len(names) and not own


def _present(column: Column, types: Mapping[str, pa.DataType]) -> bool:
    return column.name in types or column.role in ("time", "entity")


def _converter(kind: str | None, column: Column, found: pa.DataType) -> Convert | None:
    """From an array of the file's type to the type at rest; None where the engine has to decide."""
    small = pa.types.is_integer(found)
    if kind == "number" and column.role == "input":
        return _whole_as_float if small else _float if pa.types.is_floating(found) else None
    if kind == "integer":
        return _whole if small else None
    if kind == "boolean":
        return _as_it_is if pa.types.is_boolean(found) else None
    if kind == "text":
        if not (pa.types.is_string(found) or pa.types.is_large_string(found)):
            return None
        return _text_input if column.role == "input" else _text
    if kind == "timestamp" and pa.types.is_timestamp(found) and found.tz and found.unit in ("us", "ms"):
        return _moment
    return None


def at_rest(kind: str) -> pa.DataType:
    """The Arrow type of a column of this type, wherever tables are kept."""
    return pa.timestamp("us", "UTC") if kind == "timestamp" else AT_REST.get(kind, pa.string())


def _as_it_is(array: Any) -> Any:
    return array


def _float(array: Any) -> Any:
    """NaN stays: the graph takes it for missing, and a column that goes into the output is no input."""
    values = array.cast(pa.float64())
    if pc.any(pc.is_inf(values)).as_py():
        raise NotPlain
    return values


def _whole(array: Any) -> Any:
    ends = pc.min_max(array).as_py()
    if ends["max"] is not None and max(abs(ends["min"]), abs(ends["max"])) > EXACT:
        raise NotPlain
    return array.cast(pa.int64())


def _whole_as_float(array: Any) -> Any:
    return _whole(array).cast(pa.float64())


def _text(array: Any) -> Any:
    """An empty text is a missing value."""
    values = array.cast(pa.string())
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _text_input(array: Any) -> Any:
    """The same, left as codes and words where that is what the file has."""
    words = array.dictionary if pa.types.is_dictionary(array.type) else array
    return _text(array) if pc.any(pc.equal(words, "")).as_py() else array


def _moment(array: Any) -> Any:
    return array.cast(pa.timestamp("us", "UTC"))


def _has_nan(array: Any) -> bool:
    return bool(pa.types.is_floating(array.type) and pc.any(pc.is_nan(array)).as_py())
