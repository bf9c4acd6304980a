"""A request that comes column by column (tensors, CSV, Arrow): checked by name, encoded for the graph.

What `requests.RowDecoder` says about rows of JSON is said here about columns, with the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.graph import encoders
from modelwright.serving.layout import Rows, layout_of, rows_of
from modelwright.serving.refusals import RequestError, invalid, null_refused
from modelwright.serving.requests import EXACT, LONGEST_TIME, value_type
from modelwright.serving.signature import Field, Signature

LONGEST_QUOTE = 80
Encoded = NDArray[Any]


class ColumnReader:
    """Encodes the columns of one request; every refusal names its field, and its row where there is one."""

    def __init__(self, signature: Signature, *, max_rows: int, max_characters: int) -> None:
        self.signature, self.max_rows, self.max_characters = signature, max_rows, max_characters
        self._layout = layout_of(signature)
        self._types: dict[str, Any] = {
            field.name: list[value_type(field, max_characters) | None]  # type: ignore[misc]  # made at run time
            for field in signature.fields
        }

    def read(self, names: Sequence[str], rows: int, encode: Callable[[Field], Encoded]) -> Rows:
        """All columns of the signature; those that the request leaves out are missing in every row."""
        self._check_names(names)
        if not 1 <= rows <= self.max_rows:
            raise RequestError(422, f"expected at least 1 row, got {rows}" if rows < 1 else self._too_many())
        given = set(names)
        encoded = {
            field.name: self._complete(field, encode(field)) if field.name in given else _missing(field, rows)
            for field in self.signature.fields
        }
        return rows_of(self._layout, encoded)

    def values(self, field: Field, values: list[Any]) -> Encoded:
        """Of plain values, as JSON has them: None for missing."""
        try:
            checked = msgspec.convert(values, self._types[field.name])
        except msgspec.ValidationError as error:
            message, _, place = str(error).rpartition(" - at `$")
            refusal = invalid(f"{message} - at `${place[:-1]}.{field.name}`", self.signature)
            raise refusal from error
        try:
            return encoders.encode(field.type, checked)
        except DataError:
            raise self._first_refused(field, checked) from None

    def numbers(self, field: Field, numbers: NDArray[Any]) -> Encoded:
        """Of an array of any number type; NaN is missing."""
        found = numbers.astype(np.float64)
        self._none_where(field, np.isinf(found), "expected a number, got infinity")
        if field.type == "integer":
            self._none_where(field, np.abs(found) > EXACT, "expected a whole number of at most 2^53")
            self._none_where(field, np.mod(found, 1) > 0, "expected a whole number")
        return found

    def texts(self, field: Field, texts: Encoded) -> Encoded:
        """Of str objects, '' for missing."""
        longest = LONGEST_TIME if field.type == "timestamp" else self.max_characters
        for row, text in enumerate(texts):
            if len(text) > longest:
                raise at(row, field.name, f"is longer than {longest} characters")
        return texts

    def _check_names(self, names: Sequence[str]) -> None:
        known = [field.name for field in self.signature.fields]
        for place, name in enumerate(names):
            if name in self.signature.refused:
                role = self.signature.refused[name]
                raise RequestError(422, f"{_short(name)}: is not an input (role: {role})", field=name)
            if name not in known:
                suggestion = did_you_mean(name[:LONGEST_QUOTE], known)
                raise RequestError(422, f"{_short(name)}: unknown field{suggestion}", field=name)
            if name in names[:place]:
                raise RequestError(422, f"{_short(name)}: is given twice", field=name)
        for field in self.signature.inputs:
            if not field.nullable and field.name not in names:
                raise RequestError(422, f"{_short(field.name)}: is missing", field=field.name)

    def _too_many(self) -> str:
        return f"expected at most {self.max_rows} rows"

    def _complete(self, field: Field, encoded: Encoded) -> Encoded:
        if not field.nullable and (empty := missing(field, encoded)).any():
            raise null_refused(int(empty.argmax()), field.name)
        return encoded

    def _none_where(self, field: Field, wrong: NDArray[np.bool_], words: str) -> None:
        if wrong.any():
            raise at(int(wrong.argmax()), field.name, words)

    def _first_refused(self, field: Field, values: list[Any]) -> RequestError:
        for row, value in enumerate(values):
            try:
                encoders.encode(field.type, [value])
            except DataError as error:
                return at(row, field.name, error.problems[0].message)
        raise AssertionError("a column is refused for one of its values")


def missing(field: Field, encoded: Encoded) -> NDArray[np.bool_]:
    """Where an encoded column has no value."""
    if field.type == "timestamp":
        return np.asarray(encoded == encoders.NO_TIME)
    if field.textual:
        return np.asarray(encoded == encoders.MISSING_TEXT)
    return np.isnan(encoded)


def at(row: int, name: str, words: str) -> RequestError:
    """A refusal of one value."""
    return RequestError(422, f"rows[{row}].{_short(name)}: {words}", field=name, row=row)


def _missing(field: Field, rows: int) -> Encoded:
    if field.type == "timestamp":
        return np.full(rows, encoders.NO_TIME, np.int64)
    if field.textual:
        return np.full(rows, encoders.MISSING_TEXT, object)
    return np.full(rows, np.nan)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_QUOTE else name[:LONGEST_QUOTE] + "…"
