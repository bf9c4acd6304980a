"""The columns at one point of the feature steps, with their values on learn: what the next step is fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from modelwright.core.columns import NUMERIC, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.graph import encoders
from modelwright.graph.running import Scorer

PIECE_ROWS = 65_536


@dataclass(frozen=True)
class MadeBlocks:
    """What a step made of its columns: computed by the step's own graph, and only when a later step wants to know."""

    model: bytes
    inputs: tuple[FrameColumn, ...]  # the graph's inputs "0", "1", …

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        scorer = Scorer(self.model)
        feed = {str(at): column.values() for at, column in enumerate(self.inputs) if str(at) in scorer.inputs}
        rows = len(next(iter(feed.values())))
        return scorer.run_columns(
            lambda start, size: {name: values[start : start + size] for name, values in feed.items()}, rows
        )


@dataclass(frozen=True)
class MadeColumn:
    blocks: MadeBlocks
    output: str
    index: int | None

    def values(self) -> NDArray[Any]:
        block = self.blocks.arrays[self.output]
        return block if self.index is None else block[:, self.index]


@dataclass(frozen=True)
class FrameColumn:
    """One column: `source` is an Arrow column, or made by an earlier step."""

    name: str
    type: str
    source: Any
    timezone: str | None = None
    cardinality: int | None = None

    def values(self) -> NDArray[Any]:
        if isinstance(self.source, MadeColumn):
            return self.source.values()
        encoded = encoders.encode(self.type, self.source)
        if self.type == "number" and np.isinf(encoded).any():
            raise DataError(
                f'column "{self.name}" holds {int(np.isinf(encoded).sum())} infinite values',
                hint=f"mend the source, or leave it out of the features: {{kind: drop, columns: [{self.name}]}}",
            )
        return encoded


class Frame:
    """Columns by name, in order; also what a step sees of those that it selected."""

    def __init__(self, columns: Iterable[FrameColumn], rows: int, seed: int = 0) -> None:
        self.columns = {column.name: column for column in columns}
        self.names = tuple(self.columns)
        self.rows = rows
        self.seed = seed

    @classmethod
    def of_table(cls, table: pa.Table, schema: Schema) -> Frame:
        """The input columns and the time column of learn."""
        usable = schema.of_role("input", "time")
        columns = (
            FrameColumn(
                column.name,
                "number" if column.type in NUMERIC else column.type,
                table.column(column.name),
                column.timezone,
            )
            for column in usable
        )
        return cls(columns, table.num_rows)

    @property
    def types(self) -> Mapping[str, str]:
        return {name: column.type for name, column in self.columns.items()}

    def take(self, names: Iterable[str], seed: int) -> Frame:
        """Some of the columns, as one step sees them."""
        return Frame((self.columns[name] for name in names), self.rows, seed)

    def type(self, name: str) -> str:
        return self.columns[name].type

    def timezone(self, name: str) -> str | None:
        return self.columns[name].timezone

    def matrix(self) -> NDArray[np.float64]:
        for column in self.columns.values():
            if column.type != "number":
                raise SpecError(f'"{column.name}" is a {column.type}; this step works on numbers')
        return np.stack([column.values() for column in self.columns.values()], axis=1)

    def pieces(self) -> Iterator[NDArray[np.float64]]:
        matrix = self.matrix()
        for start in range(0, self.rows, PIECE_ROWS):
            yield matrix[start : start + PIECE_ROWS]

    def values(self, name: str) -> NDArray[Any]:
        return self.columns[name].values()

    def counts(self, name: str) -> list[tuple[str, int]]:
        source = self.columns[name].source
        if isinstance(source, MadeColumn):
            words, sizes = np.unique(source.values().astype(str), return_counts=True)
            found = list(zip(words.tolist(), sizes.tolist(), strict=True))
        else:
            counted = pc.value_counts(source)
            values = counted.field("values").cast(pa.string()).to_pylist()
            found = list(zip(values, counted.field("counts").to_pylist(), strict=True))
        return sorted(((word, size) for word, size in found if word), key=lambda item: (-item[1], item[0]))
