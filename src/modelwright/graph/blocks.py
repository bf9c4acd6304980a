"""Columns on their way through a graph: what a feature step is given, and what it returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder


@dataclass(frozen=True)
class Block:
    """Columns that a step made: a tensor [N, k] of numbers, or [N] of one category, text or timestamp.

    `cardinalities[i]` marks column i as codes 0..n-1 of a category.
    """

    tensor: str
    names: Sequence[str]
    type: str = "number"
    cardinalities: Sequence[int | None] | None = None


@dataclass(frozen=True)
class Place:
    """Where one column is: a tensor [N] (`index` None) or column `index` of a tensor [N, width]."""

    name: str
    type: str
    tensor: str
    index: int | None = None
    width: int = 1
    cardinality: int | None = None


def places(block: Block) -> list[Place]:
    """The columns of a block."""
    if block.type != "number":
        return [Place(block.names[0], block.type, block.tensor)]
    width = len(block.names)
    cards = block.cardinalities or [None] * width
    return [Place(name, "number", block.tensor, at, width, cards[at]) for at, name in enumerate(block.names)]


class StepInputs:
    """The columns that a step selected, as tensors; what it does not ask for adds no node."""

    def __init__(self, graph: GraphBuilder, columns: Iterable[Place]) -> None:
        self._graph = graph
        self._places = {place.name: place for place in columns}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._places)

    def type(self, name: str) -> str:
        """number, category, text or timestamp."""
        return self._places[name].type

    def cardinality(self, name: str) -> int | None:
        """How many codes a column holds, where it holds codes of a category."""
        return self._places[name].cardinality

    def matrix(self, names: Sequence[str] | None = None) -> str:
        """Numeric columns (all that were selected, or those named) as one tensor [N, k]."""
        wanted = self.names if names is None else names
        return assembled(self._graph, [self._places[name] for name in wanted])

    def column(self, name: str) -> str:
        """One column as a tensor [N]."""
        place = self._places[name]
        if place.index is None:
            return place.tensor
        return self._graph.op("Gather", place.tensor, np.int64(place.index), axis=1)


def assembled(graph: GraphBuilder, columns: Sequence[Place]) -> str:
    """The columns side by side as [N, k]; whole neighbouring blocks are taken as they are."""
    parts: list[str] = []
    at = 0
    while at < len(columns):
        end = at + 1
        while end < len(columns) and _together(columns[at], columns[end]):
            end += 1
        parts.append(_joined(graph, columns[at:end]))
        at = end
    return parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=1)


def stacked(graph: GraphBuilder, columns: Sequence[str]) -> str:
    """Tensors [N] as one tensor [N, k]."""
    if len(columns) == 1:
        return graph.op("Unsqueeze", columns[0], np.array([1]))
    # Three nodes instead of one per column: at batch size 1 every node costs about a microsecond.
    joined = graph.op("Concat", *columns, axis=0)
    return graph.op("Transpose", graph.op("Reshape", joined, np.array([len(columns), -1])), perm=[1, 0])


def _together(first: Place, other: Place) -> bool:
    if first.index is None or other.index is None:
        return first.index is other.index
    return first.tensor == other.tensor


def _joined(graph: GraphBuilder, run: Sequence[Place]) -> str:
    """A run of separate columns, or of columns of one tensor."""
    if run[0].index is None:
        return stacked(graph, [place.tensor for place in run])
    indices = [place.index for place in run]
    if indices == list(range(run[0].width)):
        return run[0].tensor
    return graph.op("Gather", run[0].tensor, np.array(indices, np.int64), axis=1)
