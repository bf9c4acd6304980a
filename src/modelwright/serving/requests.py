"""Reads the body of `POST /predict` into columns, refusing everything that the signature does not say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from modelwright.serving.refusals import RequestError, invalid, not_json, null_refused
from modelwright.serving.signature import Field, Signature

LONGEST_TIME = 64
ODD = re.compile(r'["\\\x00-\x1f]')  # characters that JSON escapes; a struct can't have them in its names
MARK = "\uffff"
EXACT = 2.0**53  # whole numbers beyond it do not fit in float64; ids that long are text

Columns = dict[str, list[Any]]  # by column name, None for missing, in the order of the signature


class RowDecoder:
    """Closed structs made from a signature: what they accept is what the model may be asked."""

    def __init__(self, signature: Signature, *, max_rows: int, max_characters: int) -> None:
        self.signature = signature
        self._names = [field.name for field in signature.fields]
        attributes = [f"column_{number}" for number in range(len(self._names))]
        self._stand_ins = {
            name: MARK + attribute for name, attribute in zip(self._names, attributes, strict=True) if ODD.search(name)
        }
        self._required = [field.name for field in signature.inputs if not field.nullable]
        self._required_text = [field.name for field in signature.inputs if not field.nullable and field.textual]
        self._optional = [field.name for field in signature.fields if field.nullable]
        row = msgspec.defstruct(
            "Row",
            [
                _struct_field(name, field, max_characters)
                for name, field in zip(attributes, signature.fields, strict=True)
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
        self._values: Callable[[Any], Any] = attrgetter(*attributes)
        if len(attributes) == 1:
            only = attrgetter(attributes[0])
            self._values = lambda item: (only(item),)

    def decode(self, body: bytes) -> Columns:
        """Columns of the rows in a request body. RequestError names the field at fault."""
        try:
            request = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise self._invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise not_json(error) from error
        refuse_duplicate_keys(body, request)
        return self.convert(request.rows) if self._stand_ins else self._columns(request.rows)

    def convert(self, rows: Sequence[Mapping[str, Any]]) -> Columns:
        """The same for rows that were decoded in another form."""
        if self._stand_ins:
            rows = [{self._stand_in(name): value for name, value in row.items()} for row in rows]
        try:
            return self._columns(msgspec.convert(rows, self._rows))
        except msgspec.ValidationError as error:
            raise self._invalid(error) from error

    def _stand_in(self, name: str) -> str:
        return self._stand_ins.get(name) or name.lstrip(MARK)  # nobody but us begins a name like this

    def _invalid(self, error: msgspec.ValidationError) -> RequestError:
        text = str(error)
        for name, stand_in in self._stand_ins.items():
            text = text.replace(stand_in, name)
        return invalid(text, self.signature)

    def _columns(self, rows: Iterable[Any]) -> Columns:
        columns: Columns = dict(zip(self._names, map(list, zip(*map(self._values, rows), strict=True)), strict=True))
        for name in self._optional:
            values = columns[name]
            if UNSET in values:
                columns[name] = [None if value is UNSET else value for value in values]
        for name in self._required_text:
            if "" in columns[name]:  # an empty text is a missing value
                raise null_refused(columns[name].index(""), name)
        return columns


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
    kind = _type_of(field, max_characters)
    return (attribute, kind | None | UnsetType, UNSET) if field.nullable else (attribute, kind)


def _type_of(field: Field, max_characters: int) -> Any:
    if field.type == "number":
        return float
    if field.type == "integer":
        return Annotated[float, Meta(multiple_of=1, ge=-EXACT, le=EXACT)]  # JSON has one kind of number: 3.0 is 3
    if field.type == "boolean":
        return bool
    if field.type == "timestamp":
        return Annotated[str, Meta(max_length=LONGEST_TIME)]  # read by the graph's own encoder
    return Annotated[str, Meta(max_length=max_characters)]
