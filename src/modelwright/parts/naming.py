"""Reads a part where a spec names one by kind: in the spec itself, or in a part that holds another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema, to_json

from modelwright.core.names import did_you_mean, nearest
from modelwright.parts import base, catalog

INNER = "part_errors"  # the error type that carries a part's own errors in its context


@dataclass(frozen=True)
class FromRoom:
    """Reads a part of one room: imports the module of the named kind only, and keeps the part's own error places."""

    room: str
    without: tuple[str, ...] = ()  # kinds that can't stand there

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        kinds = [kind for kind in catalog.kinds(self.room) if kind not in self.without]
        short = [kind for kind in kinds if not _required(catalog.load(self.room, kind))]
        return {"oneOf": [*written_parts(self.room, handler, self.without), *([{"enum": short}] if short else [])]}

    def read(self, value: Any, info: core_schema.ValidationInfo) -> base.Part:
        contract = catalog.CONTRACTS[self.room]
        if isinstance(value, contract):
            return value
        part = self._part(value)
        written = {"kind": value} if isinstance(value, str) else value
        try:
            made = part.model_validate_json(
                to_json(written, inf_nan_mode="constants"), strict=True, context=info.context
            )
        except ValidationError as error:
            raise inner_errors(error, part) from None
        return made

    def _part(self, value: Any) -> type[base.Part]:
        kind = value.get("kind") if isinstance(value, dict) else value
        if isinstance(kind, str) and kind in self.without:
            raise PydanticCustomError("misplaced_kind", "{kind} can't stand here", {"kind": kind})
        if isinstance(kind, str) and kind in catalog.builtin_kinds(self.room):  # without a search for plugins
            return catalog.load(self.room, kind)
        known = catalog.kinds(self.room)
        if isinstance(value, dict) and "kind" not in value:
            near = nearest("kind", value)
            hint = f'"{near}" should be kind' if near else f"known: {', '.join(known)}"
            raise PydanticCustomError("missing_kind", "missing key", {"hint": hint})
        if not isinstance(kind, str):
            raise PydanticCustomError("not_a_part", "should be a kind such as {kind}, or a mapping", {"kind": known[0]})
        if kind not in known:
            message = f'there is no kind "{kind}"{did_you_mean(kind, known)}'
            context = {"message": message, "known": ", ".join(known)}
            raise PydanticCustomError("unknown_kind", "{message}", context)
        return catalog.load(self.room, kind)


def written_parts(room: str, handler: GetJsonSchemaHandler, without: tuple[str, ...] = ()) -> list[JsonSchemaValue]:
    """The JSON Schema of every part of a room, told apart by `kind`."""
    written = []
    for kind in catalog.kinds(room):
        if kind in without:
            continue
        fields = dict(handler.resolve_ref_schema(handler(catalog.load(room, kind).__pydantic_core_schema__)))
        fields["properties"] = {**fields["properties"], "kind": {"const": kind, "type": "string"}}
        fields["required"] = ["kind", *(name for name in fields.get("required", ()) if name != "kind")]
        written.append(fields)
    return written


def inner_errors(error: ValidationError, model: type[Any], beside: tuple[str, ...] = ()) -> PydanticCustomError:
    """The errors of a model that is validated inside a validator, kept apart for `spec.problems`.

    `beside` names keys of an outer model that are written beside those of this one.
    """
    return PydanticCustomError(
        INNER, "see its errors", {"errors": error.errors(include_url=False), "model": model, "beside": beside}
    )


def _required(part: type[base.Part]) -> bool:
    return any(field.is_required() for field in part.model_fields.values())


def _dump(part: base.Part, info: core_schema.SerializationInfo) -> dict[str, Any]:
    return part.model_dump(
        mode=info.mode,
        by_alias=info.by_alias,
        exclude_unset=info.exclude_unset,
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
    )
