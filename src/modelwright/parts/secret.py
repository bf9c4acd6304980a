"""A password or token in a spec: given as `${env:NAME}` only, kept as that name, never printed."""

from __future__ import annotations

import hmac
import os
import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


class Secret:
    """Text that is shown and saved as the environment reference it came from."""

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str, value: str) -> None:
        self.reference = reference
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def matches(self, offered: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(self._value.encode(), offered.encode())

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def __str__(self) -> str:
        return self.reference

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reference == other.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written anywhere")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(_secret, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": f"^{REFERENCE.pattern}$"}


def _secret(value: Any, info: core_schema.ValidationInfo) -> Secret:
    """From a reference, or from the value that the spec loader put in its place (`context["references"]`)."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        reference = (info.context or {}).get("references", {}).get(value, value)
        found = REFERENCE.fullmatch(reference)
        if found and (os.environ.get(found[1]) or reference != value):
            return Secret(reference, os.environ.get(found[1]) or value)
    raise PydanticCustomError("secret", "secrets come from the environment; write ${env:NAME}")
