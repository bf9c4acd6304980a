"""Rows of the engine as a pandas DataFrame, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import ROW_DIGEST, Column, ColumnType
from modelwright.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from modelwright.tables.engine import Engine

FIRST = 10**12  # of the index: a frame whose index starts at 0 again has lost it
GIVEN = "given rows"
POSITION, NUMBER, OLD = "__position__", "__number__", "__old__"


def frame_of(engine: Engine, table: str, columns: Sequence[Column]) -> pd.DataFrame:
    """The columns, in the order of the rows, with an index by which `put_back` knows them again."""
    import pandas as pd
    import pyarrow as pa

    from modelwright.tables.engine import quote

    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    listed = ", ".join(
        f"timezone('UTC', {quote(column.name)}) AS {quote(column.name)}"
        if column.type == "timestamp"
        else quote(column.name)
        for column in columns
    )
    found = engine.arrow(f"SELECT {listed} FROM {quote(table)} ORDER BY rowid")
    frame: pd.DataFrame = found.to_pandas(types_mapper=nullable.get)
    frame.index = pd.RangeIndex(FIRST, FIRST + len(frame), name="row")
    return frame


def put_back(engine: Engine, table: str, columns: Sequence[Column], returned: Any, where: str) -> list[Column]:
    """Put the frame in the table's place; the columns, with roles as before. DataError for what is no table of values.

    Rows keep what the engine knows of them beside the columns (their digest, their file); new ones get a digest of
    their own.
    """
    from modelwright.tables.engine import quote
    from modelwright.tables.typing import row_digest

    _check_frame(returned, columns, where)
    before = {column.name: column for column in columns}
    made, arrays = [], {}
    for name in returned.columns:
        kind, arrays[name] = _values(returned[name], before.get(name), where)
        known = before.get(name, Column(name, kind))
        if known.role == "time" and kind != "timestamp":
            raise DataError(f'"{name}" has the role time, and is now of type {kind}', where=where)
        made.append(replace(known, type=kind, timezone=(known.timezone or "UTC") if kind == "timestamp" else None))
    given = _numbered(arrays, returned)
    engine.register(GIVEN, given)
    names = [quote(name) for name in arrays]
    beside = [quote(name) for name, _ in engine.columns(table) if name not in before and name != ROW_DIGEST]
    places = f"SELECT row_number() OVER (ORDER BY rowid) - 1 AS {POSITION}, * FROM {quote(table)}"
    joined = (
        f"SELECT new.* EXCLUDE ({POSITION}), {''.join(f'old.{name}, ' for name in beside)}"
        f"old.{quote(ROW_DIGEST)} AS {OLD} "
        f"FROM {quote(GIVEN)} AS new LEFT JOIN ({places}) AS old ON new.{POSITION} = old.{POSITION}"
    )
    digest = f"coalesce({OLD}, {row_digest(made)}) AS {quote(ROW_DIGEST)}"
    engine.replace(table, f"SELECT {', '.join([*names, *beside, digest])} FROM ({joined}) ORDER BY {NUMBER}")
    engine.register(GIVEN, given.slice(0, 0))  # lets go of the rows
    return made


def _check_frame(returned: Any, columns: Sequence[Column], where: str) -> None:
    import pandas as pd

    from modelwright.tables.reading import check_names

    if not isinstance(returned, pd.DataFrame):
        raise DataError(f"it returned {type(returned).__name__}, not a DataFrame", where=where)
    if not all(isinstance(name, str) for name in returned.columns):
        raise DataError("names of columns must be text", where=where, hint=f"it has {list(returned.columns)[:20]}")
    check_names(list(returned.columns), where)
    for column in columns:
        if column.role == "target" and column.name not in returned:
            raise DataError(f'it returned no column "{column.name}", the target', where=where)


def _numbered(arrays: dict[str, pa.Array], returned: pd.DataFrame) -> pa.Table:
    """The columns, each row's number, and where it was before; missing where its index does not say."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    rows = len(returned)
    index = returned.index
    whole = pd.api.types.is_integer_dtype(index.dtype) and index.nlevels == 1
    positions = pa.array(index.to_numpy() - FIRST) if whole else pa.nulls(rows, pa.int64())
    return pa.table({**arrays, POSITION: positions, NUMBER: pa.array(np.arange(rows))})


def _values(series: pd.Series[Any], before: Column | None, where: str) -> tuple[ColumnType, pa.Array]:
    """A column's type and its values as the engine holds them: nothing but null where a value is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise _unfit(series, str(error).splitlines()[0], where) from None
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    kind = array.type
    if pa.types.is_null(kind):
        return _all_missing(len(array), "text" if before is None or before.type == "category" else before.type)
    if pa.types.is_boolean(kind):
        return "boolean", array
    if pa.types.is_integer(kind):
        largest = max((abs(value.as_py() or 0) for value in pc.min_max(array).values()), default=0)
        return ("text", array.cast(pa.string())) if largest >= 2**53 else ("integer", array.cast(pa.int64()))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _numbers(array.cast(pa.float64(), safe=False), before)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text", pc.if_else(pc.equal(array, ""), None, array)
    if pa.types.is_date(kind):
        return "timestamp", array.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            raise _unfit(series, 'times name no time zone; use .dt.tz_localize("UTC")', where)
        return "timestamp", array.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.timestamp("us"))
    raise _unfit(series, f"values of type {kind}", where)


def _numbers(array: pa.Array, before: Column | None) -> tuple[ColumnType, pa.Array]:
    """Whole numbers that pandas made floats of, because some are missing, are whole again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pc.if_else(pc.is_finite(array), array, None)
    whole = pc.all(pc.and_(pc.equal(pc.trunc(array), array), pc.less(pc.abs(array), 2.0**53))).as_py()
    if before is not None and before.type == "integer" and whole is not False:
        return "integer", array.cast(pa.int64())
    return "number", array


def _unfit(series: pd.Series[Any], why: str, where: str) -> DataError:
    hint = "a column holds numbers, booleans, text or times"
    return DataError(f'the column "{series.name}" it returned can\'t be used: {why}', where=where, hint=hint)


def _all_missing(rows: int, kind: ColumnType) -> tuple[ColumnType, pa.Array]:
    import pyarrow as pa

    types = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "timestamp": pa.timestamp("us")}
    return kind, pa.nulls(rows, types.get(kind, pa.string()))
