"""Tells to which group of learn a row belongs, by one column or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.columns import NUMERIC
from modelwright.graph.builder import ML
from modelwright.graph.encoders import MISSING_TEXT
from modelwright.graph.intervals import intervals

if TYPE_CHECKING:
    from modelwright.graph.blocks import StepInputs
    from modelwright.graph.builder import GraphBuilder


def group_numbers(
    graph: GraphBuilder, inputs: StepInputs, levels: Mapping[str, Sequence[Any]], groups: Sequence[int]
) -> str:
    """[N] int64: 1 + the place of a row's group in `groups`, or 0 for a group that is not there.

    `levels` has the values of each column in order. A group is one number: its columns' places in their levels (counted
    from 1; 0 is any other value) as digits, the first column's the highest.
    """
    combined = ""
    for name, values in levels.items():
        code = (_number_codes if inputs.type(name) in NUMERIC else _text_codes)(graph, inputs, name, values)
        higher = graph.op("Mul", combined, np.array([len(values) + 1])) if combined else ""
        combined = graph.op("Add", higher, code) if higher else code
    keys = [0, *groups]
    places = list(range(len(keys)))
    return graph.op("LabelEncoder", combined, domain=ML, keys_int64s=keys, values_int64s=places, default_int64=0)


def _text_codes(graph: GraphBuilder, inputs: StepInputs, name: str, values: Sequence[str]) -> str:
    keys = [MISSING_TEXT, *values]
    column, places = inputs.column(name), list(range(len(keys)))
    return graph.op("LabelEncoder", column, domain=ML, keys_strings=keys, values_int64s=places, default_int64=0)


def _number_codes(graph: GraphBuilder, inputs: StepInputs, name: str, values: Sequence[float]) -> str:
    column = inputs.matrix([name])
    edges = np.array(values, np.float64)
    place = graph.op("Squeeze", intervals(graph, column, [edges], [0]), np.array([1]))
    level = graph.op("Gather", np.concatenate([[np.nan], edges]), place)
    return graph.op("Where", graph.op("Equal", level, inputs.column(name)), place, np.array([0]))
