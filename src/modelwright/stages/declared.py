"""What a spec says of the data's columns, in the words of `tables.typing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.core.columns import ColumnType, Schema
from modelwright.core.errors import SpecError

if TYPE_CHECKING:
    from modelwright.spec.prepare import ColumnSpec, Prepare
    from modelwright.tables.typing import Declared


def declared_columns(prepare: Prepare, targets: tuple[str, ...]) -> dict[str, Declared]:
    """The columns that the spec names, the targets among them."""
    from modelwright.tables.typing import Declared

    found = {target: Declared(role="target") for target in targets}
    for name, said in prepare.columns.items():
        if name in targets and said.role != "input":
            raise SpecError(
                f'"{name}" is the target and can\'t have the role {said.role}',
                where=f"prepare.columns.{name}.role",
                hint="leave the role out",
            )
        role = "target" if name in targets else said.role
        found[name] = Declared(_read_as(said.type), role, said.timezone, _formats(said))
    return found


def pinned_columns(prepare: Prepare, schema: Schema, *, textual: bool) -> dict[str, Declared]:
    """The columns of a schema, whose types new data must have; but an input that was whole may have fractions now.

    A column to which a cleaner gives its type comes as the source has it: as text where that is all `textual`.
    """
    from modelwright.tables.typing import Declared

    found: dict[str, Declared] = {}
    retyped = {name for cleaner in prepare.clean for name in cleaner.retyped(schema.names)}
    for column in schema.columns:
        kind = _read_as(column.type)
        if kind == "integer" and column.role == "input":
            kind = "number"
        said = prepare.columns.get(column.name)
        if column.name in retyped:
            kind = _read_as(said.type if said else None) or ("text" if textual else None)
        # The zone as the spec has it: where learn's times named theirs, those of new rows have to as well.
        found[column.name] = Declared(kind, column.role, *((said.timezone, _formats(said)) if said else ()))
    return found


def _read_as(kind: ColumnType | None) -> ColumnType | None:
    """A category is a text, until it is known which ones there are."""
    return "text" if kind == "category" else kind


def _formats(said: ColumnSpec) -> tuple[str, ...]:
    return (said.format,) if isinstance(said.format, str) else tuple(said.format or ())
