"""Takes columns out of the features; they are then no input of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from modelwright.parts.base import Step
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Drop(Step):
    """Choose it for columns that leak the target or carry nothing."""

    kind: Literal["drop"] = "drop"
    columns: Selector

    example: ClassVar[Mapping[str, Any]] = {"columns": ["casual"]}

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return []


PART = Drop
