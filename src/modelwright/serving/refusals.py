"""What a request is told when it can't be answered: a status, the field at fault and words that help."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from modelwright.core.names import did_you_mean
from modelwright.serving.signature import Signature

WORDS = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
LONGEST_QUOTE = 80
LONGEST_VALUE = 20_000
BYTE = re.compile(r"\(byte (\d+)\)")
HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
KEY = re.compile(rb'"([^"\\]{1,200})"\s*:')
PLACE = re.compile(r"\$(?:\.rows)?\[(\d+)\](?:\.(.*))?|\$(?:\.(.*))?", re.DOTALL)


class RequestError(Exception):
    """Becomes an answer of status 4xx (or 503) with `error`, `field` and `row`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        field: str | None = None,
        row: int | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.field, self.row = status, message, field, row
        self.headers = list(headers)

    def body(self, request_id: str | None) -> bytes:
        content = {"error": self.message, "field": self.field, "row": self.row, "request_id": request_id}
        return msgspec.json.encode({key: value for key, value in content.items() if value is not None})


def not_json(error: Exception, body: bytes = b"") -> RequestError:
    """The body can't be read at all; the field is the key before the byte at fault."""
    if isinstance(error, UnicodeDecodeError):
        return RequestError(400, "the body is not UTF-8")
    reason, place = str(error), None
    if half := HALF.search(body):  # msgspec only says that the body is truncated
        reason, place = "half of a surrogate pair", half.start()
    elif (found := BYTE.search(reason)) and "trailing" not in reason:
        place = int(found[1])
    keys = [] if place is None else KEY.findall(body[max(0, place - LONGEST_VALUE) : place])
    if not keys:
        return RequestError(400, f"the body is not valid JSON: {reason}")
    field = keys[-1].decode(errors="replace")
    return RequestError(400, f"the body is not valid JSON: {reason} after {_shortened(field)!r}", field=field)


def invalid(complaint: str, signature: Signature) -> RequestError:
    """Names the row and the field that msgspec complains about, in words of the signature."""
    message, _, place = complaint.rpartition(" - at `")
    if not message:
        message, place = complaint, "$`"
    found = PLACE.fullmatch(place[:-1])
    row = int(found[1]) if found and found[1] else None
    field = (found[2] or found[3]) if found else None
    text, named = _explained(message, signature, in_row=row is not None)
    field = named or field
    where = f"rows[{row}]" if row is not None else ""
    where += ("." if where and field else "") + (_shortened(field) if field else "")
    return RequestError(422, f"{where}: {text}" if where else text, field=field, row=row)


def null_refused(row: int, name: str) -> RequestError:
    """Where a missing value would be a guess."""
    return RequestError(
        422,
        f"rows[{row}].{name}: a value is required (the model was fitted without missing values here)",
        field=name,
        row=row,
    )


def _explained(message: str, signature: Signature, *, in_row: bool) -> tuple[str, str | None]:
    """What to say, and the field that the message itself names."""
    if found := re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL):
        name = found[1]
        known = [field.name for field in signature.fields] if in_row else ["rows"]
        if in_row and name in signature.refused:
            return f"is not an input (role: {signature.refused[name]})", name
        return f"unknown field{did_you_mean(name[:LONGEST_QUOTE], known)}", name
    if found := re.fullmatch(r"Object missing required field `(.*)`", message, re.DOTALL):
        return "is missing", found[1]
    if found := re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", message):
        return f"expected {_worded(found[1])}, got {_worded(found[2])}", None
    if found := re.fullmatch(r"Expected `str` of length <= (\d+)", message):
        return f"is longer than {found[1]} characters", None
    if found := re.fullmatch(r"Expected `array` of length (>=|<=) (\d+)", message):
        return f"expected at {'least' if found[1] == '>=' else 'most'} {found[2]} rows", None
    if "multiple of 1" in message:
        return "expected a whole number", None
    if found := re.fullmatch(r"Expected `\w+` ([<>]=?) ([-\d.e+]+)", message):
        return f"expected a number {found[1]} {found[2]}", None
    return message[0].lower() + message[1:], None


def _worded(types: str) -> str:
    return " or ".join(WORDS.get(name, name) for name in types.split(" | "))


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_QUOTE else name[:LONGEST_QUOTE] + "…"
