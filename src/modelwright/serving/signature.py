"""`signature.json`: what a bundle takes and answers, from which requests, OpenAPI and logs are derived."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from modelwright.core.columns import Column, ColumnType, Role, Schema
from modelwright.core.errors import ArtifactError
from modelwright.core.outputs import Output as Output

SCHEMA_VERSION = 2
CONTEXT_ROLES: tuple[Role, ...] = (
    "id",
    "time",
    "entity",
    "input",
)  # an input that the graph does not consume is context too
REFUSED_ROLES: tuple[Role, ...] = ("target", "weight", "ignore")

Label = str | int | bool


@dataclass(frozen=True)
class Field:
    """One column of a request. Ranges and categories are those of learn: for people and forms, not enforced."""

    name: str
    type: ColumnType
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    role: str = "input"

    @property
    def textual(self) -> bool:
        return self.type in ("category", "text")


@dataclass(frozen=True)
class Signature:
    """`inputs` are scored; `context` is optional, logged and never scored; `refused` has no place in a request."""

    name: str
    task: str
    inputs: tuple[Field, ...]
    context: tuple[Field, ...]
    refused: Mapping[str, str]  # column name to its role
    outputs: tuple[Output, ...]
    classes: tuple[Label, ...] | None = None
    positive: Label | None = None
    ungated: bool = False  # exported without a passing evaluate
    contains_rows: bool = False  # the graph holds rows of learn
    decision: Mapping[str, Any] | None = None  # how labels follow from probabilities; None: the most probable class

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return (*self.inputs, *self.context)

    @cached_property
    def id_field(self) -> str | None:
        """The context column that keeps a caller on one route."""
        return next((field.name for role in ("id", "entity") for field in self.context if field.role == role), None)

    def to_dict(self) -> dict[str, Any]:
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Signature:
        """ArtifactError when it was written by another schema version, or is no signature."""
        found = content.get("schema_version")
        if found != SCHEMA_VERSION:
            raise ArtifactError(
                f"signature.json has schema version {found!r}, this modelwright reads {SCHEMA_VERSION}",
                hint="serve the bundle with the modelwright version that exported it, or export it again",
            )
        try:
            rest = {key: value for key, value in content.items() if key != "schema_version"}
            for part in ("inputs", "context"):
                rest[part] = tuple(_field(entry) for entry in rest[part])
            rest["outputs"] = tuple(_output(entry) for entry in rest["outputs"])
            rest["classes"] = None if rest["classes"] is None else tuple(rest["classes"])
            return cls(**rest)
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"signature.json is not a signature: {error}") from error


def signature_of(
    schema: Schema,
    consumed: Collection[str],
    *,
    name: str,
    task: str,
    outputs: tuple[Output, ...],
    positive: Label | None = None,
    ungated: bool = False,
    contains_rows: bool = False,
    decision: Mapping[str, Any] | None = None,
) -> Signature:
    """The contract of a graph that consumes some of the columns."""
    inputs = tuple(_of_column(column, column.nullable) for column in schema.columns if column.name in consumed)
    context = tuple(
        _of_column(column, True) for column in schema.of_role(*CONTEXT_ROLES) if column.name not in consumed
    )
    refused = {column.name: column.role for column in schema.of_role(*REFUSED_ROLES)}
    return Signature(
        name, task, inputs, context, refused, outputs, schema.classes, positive, ungated, contains_rows, decision
    )


def _of_column(column: Column, nullable: bool) -> Field:
    categories = column.categories
    return Field(column.name, column.type, nullable, column.minimum, column.maximum, categories, column.role)


def _field(entry: Mapping[str, Any]) -> Field:
    categories = entry["categories"]
    return Field(**{**entry, "categories": None if categories is None else tuple(categories)})


def _output(entry: Mapping[str, Any]) -> Output:
    labels = entry["labels"]
    return Output(entry["name"], entry["type"], None if labels is None else tuple(labels))
