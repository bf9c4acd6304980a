"""A condition holds in every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.core.expressions import Call, ExpressionError, Name, Node, checked_condition, children, names, parse
from modelwright.parts.base import Check
from modelwright.parts.rows import MaxShare, broken, column_types

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Expression(Check):
    """A condition such as `end_km >= start_km` is true in every row; for what ties columns to each other.

    A row where a column of the condition is missing passes, as with the other checks; `missing: breaks` counts it,
    because a comparison with a missing value is false. What only `isnull(…)` asks about need not be there.
    """

    kind: Literal["expression"] = "expression"
    value: Annotated[str, AfterValidator(checked_condition)] = Field(description="What must be true in every row.")
    missing: Literal["holds", "breaks"] = Field(
        "holds", description="What is said of a row where a column of the condition is missing."
    )
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {"value": "end_km >= start_km"}

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote
        from modelwright.tables.expressions import condition_sql

        tree = parse(self.value)
        try:
            condition = condition_sql(self.value, column_types(columns))
        except ExpressionError as error:
            problem = error.problems[0]
            raise SpecError(problem.message, where=f"expression.value: {self.value}", hint=problem.hint) from error
        known = "".join(
            f" AND {quote(name)} IS NOT NULL" for name in sorted(_computed(tree)) if self.missing == "holds"
        )
        test = f"NOT {condition}{known}"
        return broken(engine, table, dict.fromkeys(sorted(names(tree)), f"({test})"), self.value)


def _computed(node: Node) -> frozenset[str]:
    """The columns whose values a condition needs: not those that it only asks `isnull` about."""
    if isinstance(node, Name):
        return frozenset([node.name])
    if isinstance(node, Call) and node.function == "isnull" and isinstance(node.arguments[0], Name):
        return frozenset()
    return frozenset[str]().union(*(_computed(child) for child in children(node)))


PART = Expression
