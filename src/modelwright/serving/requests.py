"""Reads the body of `POST /predict` into rows, refusing everything that the signature does not say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from modelwright.core.errors import DataError
from modelwright.graph.encoders import MISSING_TEXT, encode
from modelwright.graph.layout import KINDS
from modelwright.serving.layout import Rows, layout_of
from modelwright.serving.refusals import RequestError, invalid, not_json, null_refused
from modelwright.serving.signature import Field, Signature

LONGEST_TIME = 64
ODD = re.compile(r'["\\\x00-\x1f]')  # characters that JSON escapes; a struct can't have them in its names
LONG, QUOTE = 5_000, ord('"')
MARK = "\uffff"
EXACT = 2.0**53  # whole numbers beyond it do not fit in float64; ids that long are text


class RowDecoder:
    """Closed structs made from a signature: what they accept is what the model may be asked."""

    def __init__(self, signature: Signature, *, max_rows: int, max_characters: int) -> None:
        self.signature = signature
        self.layout = layout_of(signature)
        fields = {field.name: field for field in signature.fields}
        self._names = [name for kind in KINDS for name in self.layout.names[kind]]  # so that each matrix is one slice
        attributes = [f"column_{number}" for number in range(len(self._names))]
        self._stand_ins = {
            name: MARK + attribute for name, attribute in zip(self._names, attributes, strict=True) if ODD.search(name)
        }
        self._strings = len(self.layout.names["texts"]) + len(self.layout.names["times"])
        self._required_text = {field.name for field in signature.inputs if not field.nullable and field.textual}
        row = msgspec.defstruct(
            "Row",
            [
                _struct_field(attribute, fields[name], max_characters)
                for attribute, name in zip(attributes, self._names, strict=True)
            ],
            rename=dict(zip(attributes, [self._stand_ins.get(name, name) for name in self._names], strict=True)),
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )
        self._rows: Any = Annotated[list[row], Meta(min_length=1, max_length=max_rows)]  # type: ignore[valid-type]  # made at run time
        rows = list[dict[str, Any]] if self._stand_ins else self._rows
        request: Any = msgspec.defstruct("Request", [("rows", rows)], forbid_unknown_fields=True, gc=False)
        self._decoder = msgspec.json.Decoder(request)
        by_name = dict(zip(self._names, attributes, strict=True))
        strings = {name for kind in ("texts", "times") for name in self.layout.names[kind]}
        optional = [field.name for field in signature.fields if field.nullable]
        self._optional_numbers = _getter([by_name[name] for name in optional if name not in strings])
        self._optional_strings = _getter([by_name[name] for name in optional if name in strings])

    def decode(self, body: bytes) -> Rows:
        """The rows in a request body. RequestError names the field at fault."""
        return self.encoded(self.read(body))

    def read(self, body: bytes) -> Sequence[Any]:
        """The same as structs, for `encoded`, which refuses what is left to refuse."""
        try:
            request = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise self._invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise not_json(error, body) from error
        if self._stand_ins:
            refuse_duplicate_keys(body, request)
            return self._structs(request.rows)
        if b"\\" in body or _quotes_in(body) != self._quotes(request.rows):
            refuse_duplicate_keys(body, request)
        rows: Sequence[Any] = request.rows
        return rows

    def convert(self, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """The same as `decode` for rows that were decoded in another form."""
        return self.encoded(self._structs(rows))

    def _structs(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        if self._stand_ins:
            rows = [{self._stand_in(name): value for name, value in row.items()} for row in rows]
        try:
            structs: Sequence[Any] = msgspec.convert(rows, self._rows)
        except msgspec.ValidationError as error:
            raise self._invalid(error) from error
        return structs

    def _quotes(self, rows: Sequence[Any]) -> int:
        """How many quotes a body without escapes has that says this, and no key twice."""
        count = 2 + 2 * len(rows) * (len(self._names) + self._strings)
        if self._optional_numbers:
            count -= 2 * sum(values.count(UNSET) for values in map(self._optional_numbers, rows))
        if self._optional_strings:
            for values in map(self._optional_strings, rows):
                count -= 2 * (values.count(None) + 2 * values.count(UNSET))
        return count

    def _stand_in(self, name: str) -> str:
        return self._stand_ins.get(name) or name.lstrip(MARK)  # nobody but us begins a name like this

    def _invalid(self, error: msgspec.ValidationError) -> RequestError:
        text = str(error)
        for name, stand_in in self._stand_ins.items():
            text = text.replace(stand_in, name)
        return invalid(text, self.signature)

    def encoded(self, rows: Sequence[Any]) -> Rows:
        """Structs of one or more bodies as matrices.

        What they hold is of the right types; what is missing, and times, remain to be looked at. RequestError as above.
        """
        width = len(self._names)
        every = chain.from_iterable(map(msgspec.structs.astuple, rows))
        values = np.fromiter(every, object, len(rows) * width).reshape(len(rows), width)
        first, last = len(self.layout.names["numbers"]), width - len(self.layout.names["times"])
        texts = values[:, first:last].copy()  # the log keeps it for a while, and need not keep the numbers' objects
        return Rows(self.layout, _numbers(values[:, :first]), self._texts(texts), self._times(values[:, last:]))

    def _texts(self, values: NDArray[Any]) -> NDArray[Any]:
        """In place: '' for what is missing."""
        if all(values.ravel().tolist()):  # faster than the array's own
            return values
        missing = ~values.astype(np.bool_)  # None, UNSET or an empty text
        for row, column in np.argwhere(missing):
            if (name := self.layout.names["texts"][column]) in self._required_text:
                raise null_refused(int(row), name)
        values[missing] = MISSING_TEXT
        return values

    def _times(self, values: NDArray[Any]) -> NDArray[np.int64]:
        times = np.empty(values.shape, np.int64)
        for column, name in enumerate(self.layout.names["times"]):
            given = [None if value is UNSET else value for value in values[:, column]]
            try:
                times[:, column] = encode("timestamp", given)
            except DataError:
                raise self._first_refused(name, given) from None
        return times

    def _first_refused(self, name: str, values: Sequence[Any]) -> RequestError:
        for row, value in enumerate(values):
            try:
                encode("timestamp", [value])
            except DataError as error:
                return RequestError(422, f"rows[{row}].{name}: {error.problems[0].message}", field=name, row=row)
        raise AssertionError("a column is refused for one of its values")


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    try:
        return values.astype(np.float64)  # None becomes NaN
    except TypeError:
        given = values.copy()
        given[given == UNSET] = None
        return given.astype(np.float64)


def _getter(attributes: Sequence[str]) -> Callable[[Any], tuple[Any, ...]] | None:
    """The values of some attributes, always as a tuple; None when there are none."""
    if not attributes:
        return None
    get = attrgetter(*attributes)
    return get if len(attributes) > 1 else lambda item: (get(item),)


def _quotes_in(body: bytes) -> int:
    if len(body) < LONG:
        return body.count(b'"')
    return int(np.count_nonzero(np.frombuffer(body, np.uint8) == QUOTE))  # a fifth of the time


def refuse_duplicate_keys(body: bytes, decoded: Any) -> None:
    """Refuse an object that names a key twice, which the decoder hides by keeping the last.

    What was read, written again, has as many quotes as the body unless a key was dropped; only then is the body read
    again, slowly.
    """
    if body.count(b'"') == msgspec.json.encode(decoded).count(b'"') and b"\\u0022" not in body:
        return
    json.loads(body, object_pairs_hook=_without_duplicates)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestError(422, f"{twice}: the key is given twice in one object", field=twice)
    return found


def _struct_field(attribute: str, field: Field, max_characters: int) -> Any:
    kind = value_type(field, max_characters)
    return (attribute, kind | None | UnsetType, UNSET) if field.nullable else (attribute, kind)


def value_type(field: Field, max_characters: int) -> Any:
    """What JSON may hold in a field, for msgspec."""
    if field.type == "number":
        return float
    if field.type == "integer":
        return Annotated[float, Meta(multiple_of=1, ge=-EXACT, le=EXACT)]  # JSON has one kind of number: 3.0 is 3
    if field.type == "boolean":
        return bool
    if field.type == "timestamp":
        return Annotated[str, Meta(max_length=LONGEST_TIME)]  # read by the graph's own encoder
    return Annotated[str, Meta(max_length=max_characters)]
