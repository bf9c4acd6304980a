"""The one way in which values of a table or a request become what the graph takes, wherever it runs.

number, integer, boolean -> float64, NaN for missing; category, text -> str objects, '' for missing;
timestamp -> int64 microseconds UTC, `NO_TIME` for missing. Versioned: a change of meaning raises VERSION.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.graph.arrow_values import values_of

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
MISSING_TEXT = ""
NO_TIME = int(np.iinfo(np.int64).min)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def encode(column_type: str, values: Any) -> NDArray[Any]:
    """[N] of an Arrow array or of a list of plain values (as JSON has them); DataError names a bad row."""
    if isinstance(values, list | tuple):
        return _encode_list(column_type, values)
    if column_type in NUMERIC:
        return _arrow_numbers(values)
    return _arrow_times(values) if column_type == "timestamp" else _arrow_text(values)


def feed(inputs: Mapping[str, str], table: pa.Table | pa.RecordBatch) -> dict[str, NDArray[Any]]:
    """The graph's inputs from an Arrow table's columns of the same names."""
    encoded = {}
    for name, column_type in inputs.items():
        if name not in table.schema.names:
            raise DataError(f'the column "{name}" is missing{did_you_mean(name, table.schema.names)}')
        try:
            encoded[name] = encode(column_type, table.column(name))
        except DataError as error:
            raise DataError(error.problems[0].message, where=f'column "{name}"') from error
    return encoded


def _arrow_numbers(values: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type) or _numeric(values.type)):
        raise DataError(f"holds {values.type}, not numbers")
    numbers = values.cast(pa.float64(), safe=False) if values.type != pa.float64() else values
    return values_of(_flat(numbers), np.float64, np.nan)


def _numeric(arrow_type: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(arrow_type) or pa.types.is_decimal(arrow_type) or pa.types.is_null(arrow_type))


def _arrow_times(values: Any) -> NDArray[np.int64]:
    import pyarrow as pa

    kind = values.type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_null(kind)):
        raise DataError(f"holds {kind}, not timestamps")
    zone = kind.tz if pa.types.is_timestamp(kind) else None
    micros = _flat(values.cast(pa.timestamp("us", zone), safe=False)).cast(pa.int64())
    return values_of(micros, np.int64, NO_TIME)


def _arrow_text(values: Any) -> NDArray[Any]:
    import pyarrow as pa

    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise DataError(f"holds {kind}, not text")
    flat = _flat(values.cast(pa.string()) if pa.types.is_null(kind) else values)
    coded = flat if pa.types.is_dictionary(flat.type) else flat.dictionary_encode()
    words = np.empty(len(coded.dictionary) + 1, object)  # one Python string per distinct value, not per row
    words[:-1] = [MISSING_TEXT if word is None else word for word in coded.dictionary.to_pylist()]
    words[-1] = MISSING_TEXT
    codes = values_of(coded.indices.cast(pa.int64()), np.int64, len(words) - 1)
    texts: NDArray[Any] = words[codes]
    return texts


def _flat(values: Any) -> Any:
    return values.combine_chunks() if hasattr(values, "combine_chunks") else values


def _encode_list(column_type: str, values: Sequence[Any]) -> NDArray[Any]:
    if column_type == "timestamp":
        return np.array(_each(values, _micros, NO_TIME), np.int64)
    if column_type == "boolean":
        return np.array(_each(values, _boolean, math.nan), np.float64)
    if column_type == "integer":
        return np.array(_each(values, _integer, math.nan), np.float64)
    if column_type == "number":
        return np.array(_each(values, _number, math.nan), np.float64)
    texts = np.empty(len(values), object)
    texts[:] = _each(values, _text, MISSING_TEXT)
    return texts


def _each(values: Iterable[Any], convert: Callable[[Any], Any], missing: Any) -> list[Any]:
    converted = []
    for row, value in enumerate(values):
        try:
            converted.append(missing if value is None else convert(value))
        except (ValueError, OverflowError) as error:
            raise DataError(str(error), where=f"row {row}") from error
    return converted


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"{_shown(value)} is not a number")
    return float(value)


def _integer(value: Any) -> float:
    number = _number(value)
    if math.isfinite(number) and not number.is_integer():
        raise ValueError(f"{_shown(value)} is not a whole number")
    return number


def _boolean(value: Any) -> float:
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{_shown(value)} is not true or false")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not text")
    if not value.isascii():
        value.encode()  # a lone surrogate can't enter the graph; UnicodeEncodeError is a ValueError
    return value


def _micros(value: Any) -> int:
    """Microseconds since 1970 UTC of RFC 3339 text (with an offset) or of an aware datetime."""
    if isinstance(value, str) and RFC3339.fullmatch(value):
        value = datetime.fromisoformat(value.upper())
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{_shown(value)} is not a timestamp with an offset, such as 2026-03-01T08:30:00Z")
    return (value - EPOCH) // MICROSECOND


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
