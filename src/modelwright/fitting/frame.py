"""The columns at one point of the feature steps, with their values on learn: what the next step is fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.core.columns import NUMERIC, Schema
from modelwright.core.errors import SpecError
from modelwright.fitting import learn_rows
from modelwright.fitting.learn_rows import PIECE_ROWS, LearnRows
from modelwright.fitting.made_columns import Kept, MadeColumns
from modelwright.graph.running import Scorer

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class MadeBlocks:
    """What a step made of its columns, as small graphs of the step's own: one, or one for each fold of learn's rows.

    `kept` are the columns that a later step wanted to know; nothing else is ever computed.
    """

    models: tuple[bytes, ...]
    inputs: tuple[FrameColumn, ...]  # the graphs' inputs "0", "1", …
    folds: NDArray[np.int8] | None = None  # [N] which graph makes a row's values, where there are several
    kept: dict[tuple[str, int | None], Kept] = field(default_factory=dict)

    @cached_property
    def _scorers(self) -> list[Scorer]:
        return [Scorer(model) for model in self.models]

    @property
    def needed(self) -> tuple[FrameColumn, ...]:
        """The inputs that some graph looks at."""
        used = {name for scorer in self._scorers for name in scorer.inputs}
        return tuple(column for at, column in enumerate(self.inputs) if str(at) in used)

    def run(self, inputs: Mapping[str, NDArray[Any]], start: int, size: int) -> Arrays:
        """All blocks for some rows of learn, of which `inputs` are the needed columns by name."""
        feed = {str(at): inputs[column.name] for at, column in enumerate(self.inputs) if column.name in inputs}
        if self.folds is None:
            return _run(self._scorers[0], feed, size)
        folds = self.folds[start : start + size]
        whole: Arrays = {}
        for fold, scorer in enumerate(self._scorers):
            rows = folds == fold
            if not rows.any():
                continue
            part = _run(scorer, {name: values[rows] for name, values in feed.items()}, int(rows.sum()))
            for name, values in part.items():
                whole.setdefault(name, np.empty((size, *values.shape[1:]), values.dtype))[rows] = values
        return whole


def _run(scorer: Scorer, feed: Arrays, rows: int) -> Arrays:
    known = {name: values for name, values in feed.items() if name in scorer.inputs}
    return scorer.run_columns(
        lambda start, size: {name: values[start : start + size] for name, values in known.items()}, rows
    )


@dataclass(frozen=True)
class FrameColumn:
    """One column of learn's rows; where a step made it, column `index` of the output of its blocks."""

    name: str
    type: str
    timezone: str | None = None
    cardinality: int | None = None
    blocks: MadeBlocks | None = None
    output: str = ""
    index: int | None = None

    @property
    def kept(self) -> Kept | None:
        return None if self.blocks is None else self.blocks.kept.get((self.output, self.index))


class Frame:
    """Columns by name, in order; also what a step sees of those that it selected, in the rows that it is fitted on."""

    def __init__(
        self,
        columns: Iterable[FrameColumn],
        source: LearnRows,
        made: MadeColumns,
        seed: int = 0,
        where: NDArray[np.bool_] | None = None,
    ) -> None:
        self.columns = {column.name: column for column in columns}
        self.names = tuple(self.columns)
        self.rows = source.rows if where is None else int(where.sum())
        self.seed = seed
        self._source = source
        self._made = made
        self._where = where

    @classmethod
    def of_rows(cls, source: LearnRows, schema: Schema, made: MadeColumns) -> Frame:
        """The input columns and the time column of learn."""
        columns = (
            FrameColumn(column.name, "number" if column.type in NUMERIC else column.type, column.timezone)
            for column in schema.of_role("input", "time")
        )
        return cls(columns, source, made)

    @property
    def types(self) -> Mapping[str, str]:
        return {name: column.type for name, column in self.columns.items()}

    def with_columns(self, columns: Iterable[FrameColumn]) -> Frame:
        """Other columns of the same rows."""
        return Frame(columns, self._source, self._made)

    def take(self, names: Iterable[str], seed: int, where: NDArray[np.bool_] | None = None) -> Frame:
        """Some of the columns (and rows), as one step sees them."""
        return Frame((self.columns[name] for name in names), self._source, self._made, seed, where)

    def type(self, name: str) -> str:
        return self.columns[name].type

    def timezone(self, name: str) -> str | None:
        return self.columns[name].timezone

    def matrix(self) -> NDArray[np.float64]:
        whole = np.empty((self.rows, len(self.names)))
        start = 0
        for piece in self.pieces():
            whole[start : start + len(piece)] = piece
            start += len(piece)
        return whole

    def pieces(self) -> Iterator[NDArray[np.float64]]:
        for column in self.columns.values():
            if column.type != "number":
                raise SpecError(f'"{column.name}" is a {column.type}; this step works on numbers')
        self._keep()
        columns = list(self.columns.values())
        for start, arrays in evaluated(columns, self._source):
            piece = np.stack([arrays[name] for name in self.names], axis=1)
            yield piece if self._where is None else piece[self._where[start : start + len(piece)]]

    def values(self, name: str) -> NDArray[Any]:
        self._keep()
        column = self.columns[name]
        kept = self._kept(column)
        found = learn_rows.column(self._source, name, column.type) if kept is None else kept.values()
        return found if self._where is None else found[self._where]

    def counts(self, name: str) -> list[tuple[str, int]]:
        self._keep()
        kept = self._kept(self.columns[name])
        if kept is None:
            found = learn_rows.counts(self._source, name, self._where)
        elif kept.words is None:
            words, sizes = np.unique(self.values(name).astype(str), return_counts=True)
            found = dict(zip(words.tolist(), sizes.tolist(), strict=True))
        else:
            codes = kept.codes() if self._where is None else kept.codes()[self._where]
            sizes = np.bincount(codes, minlength=len(kept.words))
            found = {word: size for word, size in zip(kept.words, sizes.tolist(), strict=True) if size}
        return sorted(((word, size) for word, size in found.items() if word), key=lambda item: (-item[1], item[0]))

    def _kept(self, column: FrameColumn) -> Kept | None:
        return self._made.read.get(column.name) if column.blocks is None else column.kept

    def _keep(self) -> None:
        """Compute those columns that steps made, once for all steps that follow.

        Of some rows only, columns of the source are kept as well: the same step will want other rows of them.
        """
        may_be_kept = [column for column in self.columns.values() if column.blocks or self._where is not None]
        wanted = [column for column in may_be_kept if self._kept(column) is None]
        if not wanted:
            return
        writing = self._made.writing([column.type for column in wanted])
        for start, arrays in evaluated(wanted, self._source):
            writing.add(start, [arrays[column.name] for column in wanted])
        for column, kept in zip(wanted, writing.done(), strict=True):
            if column.blocks is None:
                self._made.read[column.name] = kept
            else:
                column.blocks.kept[column.output, column.index] = kept


def evaluated(columns: Sequence[FrameColumn], source: LearnRows) -> Iterator[tuple[int, Arrays]]:
    """The columns by name, a piece of rows at a time, with its first row: read, or computed by the steps' graphs."""
    raw = {column.name: column.type for column in _read(columns)}
    for number, read in enumerate(learn_rows.pieces(source, raw, PIECE_ROWS)):
        start = number * PIECE_ROWS
        size = min(PIECE_ROWS, source.rows - start)
        run: dict[int, Arrays] = {}
        yield start, {column.name: _piece(column, start, size, read, run) for column in columns}


def _read(columns: Iterable[FrameColumn]) -> Iterator[FrameColumn]:
    """The columns of the source that these are, or are computed from."""
    for column in columns:
        if column.blocks is None:
            yield column
        elif column.kept is None:
            yield from _read(column.blocks.needed)


def _piece(column: FrameColumn, start: int, size: int, read: Arrays, run: dict[int, Arrays]) -> NDArray[Any]:
    """`run` remembers what graphs said of this piece: several columns may want it."""
    if column.blocks is None:
        return read[column.name]
    if column.kept is not None:
        return column.kept.values(start, size)
    blocks = column.blocks
    if id(blocks) not in run:
        inputs = {given.name: _piece(given, start, size, read, run) for given in blocks.needed}
        run[id(blocks)] = blocks.run(inputs, start, size)
    block = run[id(blocks)][column.output]
    return block if column.index is None else block[:, column.index]
