"""Flags for missing values, as the steps that fill them add with `indicator`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.columns import NUMERIC
from modelwright.graph.blocks import Block
from modelwright.graph.builder import NUMBER
from modelwright.graph.encoders import MISSING_TEXT

if TYPE_CHECKING:
    from modelwright.graph.blocks import StepInputs
    from modelwright.graph.builder import GraphBuilder


def flags(graph: GraphBuilder, inputs: StepInputs, names: Sequence[str]) -> list[Block]:
    """Columns NAME_missing: 1 where the value is missing, else 0."""
    blocks = []
    for name in names:
        if inputs.type(name) in NUMERIC:
            absent = graph.op("IsNaN", inputs.matrix([name]))
        else:
            rows = graph.op("Unsqueeze", inputs.column(name), np.array([1]))
            absent = graph.op("Equal", rows, np.array([[MISSING_TEXT]], object))
        blocks.append(Block(graph.cast(absent, NUMBER), [f"{name}_missing"]))
    return blocks
