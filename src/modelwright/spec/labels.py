"""`monitor.labels`: a reader and, beside its keys, the columns that say which prediction a label belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema, to_json

from modelwright.spec.choices import AnyReader, inner_errors, written_parts
from modelwright.spec.section import CLOSED

OWN = ("key", "time")


class Labels(BaseModel):
    """Where the truth arrives."""

    model_config = CLOSED

    source: AnyReader = Field(description="Where the rows come from.")
    key: str = Field(description="Column that says which prediction a label belongs to; the id of the data.")
    time: str | None = Field(
        None, description="Column that says when the label became known; of several for one key the latest counts."
    )


class BesideReader:
    """Reads `{kind: csv, path: …, key: ride_id}` as it is written, and writes it back so."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(self.write, info_arg=True)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        own = Labels.model_json_schema()["properties"]
        readers = written_parts("readers", handler)
        for reader in readers:
            reader["properties"] = {**reader["properties"], **{name: own[name] for name in OWN}}
            reader["required"] = [*reader["required"], "key"]
        return {"oneOf": readers}

    def read(self, value: Any, info: core_schema.ValidationInfo) -> Labels:
        if isinstance(value, Labels):
            return value
        own, reader = {}, value
        if isinstance(value, dict):
            own = {name: value[name] for name in OWN if name in value}
            reader = {name: written for name, written in value.items() if name not in own}
        try:
            content = to_json({"source": reader, **own}, inf_nan_mode="constants")
            return Labels.model_validate_json(content, strict=True, context=info.context)
        except ValidationError as error:
            raise inner_errors(error, Labels, OWN) from None

    def write(self, labels: Labels, info: core_schema.SerializationInfo) -> dict[str, Any]:
        plain = labels.model_dump(mode=info.mode)
        return {**plain.pop("source"), **plain}


if TYPE_CHECKING:
    LabelsBesideReader = Labels
else:
    LabelsBesideReader = Annotated[Labels, BesideReader()]
