"""A bundle that is loaded and ready to answer: columns in, predictions out, through the one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from numpy.typing import NDArray

from modelwright.core.errors import ArtifactError
from modelwright.graph import encoders
from modelwright.serving.layout import Rows
from modelwright.serving.pace import Pace, measured
from modelwright.serving.protocols.columns import ColumnReader
from modelwright.serving.protocols.json_answers import JsonAnswers
from modelwright.serving.providers import opened
from modelwright.serving.requests import RowDecoder
from modelwright.serving.settings import Limits
from modelwright.serving.signature import Signature

if TYPE_CHECKING:
    import pyarrow as pa

Encoded = dict[str, NDArray[Any]]


@dataclass(slots=True)  # not frozen: that would cost a microsecond for each one made
class Scored:
    """N rows, inputs and context, and what the graph answered, by output: [N] or [N, K]."""

    rows: Rows
    answers: Encoded

    def __len__(self) -> int:
        return len(next(iter(self.answers.values())))


class ServedModel:
    """One version of a model in memory."""

    def __init__(
        self,
        signature: Signature,
        model: bytes,
        *,
        version: int,
        limits: Limits,
        providers: Sequence[str] = ("cpu",),
        fallback: bool = False,
    ) -> None:
        """From a graph's verified bytes. ArtifactError when graph and signature do not belong together."""
        self.signature, self.name, self.version = signature, signature.name, version
        self.max_rows = limits.rows
        self._scorer = opened(model, providers, fallback=fallback)
        unknown = set(self._scorer.inputs) ^ {field.name for field in self.signature.inputs}
        if unknown:
            raise ArtifactError(
                f"the graph and signature.json disagree about {', '.join(sorted(unknown))}",
                hint="export the model again",
            )
        self.decoder = RowDecoder(self.signature, max_rows=limits.rows, max_characters=limits.string_chars)
        self.by_column = ColumnReader(self.signature, max_rows=limits.rows, max_characters=limits.string_chars)
        self.layout = self.decoder.layout
        self.pace = Pace()
        self._widths = self._input_widths()
        self._outputs = tuple(output.name for output in self.signature.outputs)
        self._json = JsonAnswers(self.signature.outputs)

    def score(self, rows: Rows) -> Scored:
        """Run the graph."""
        feed = self.feed_rows(rows)
        if len(rows) <= self._scorer.chunk:
            return Scored(rows, self.run(feed))

        def part(start: int, size: int) -> Encoded:
            return {name: values[start : start + size] for name, values in feed.items()}

        return Scored(rows, self._scorer.run_columns(part, len(rows), outputs=self._outputs))

    def warm_up(self, rows: Rows) -> None:
        """Before traffic: what the first calls allocate, and how fast it is here."""
        self.pace = measured(self.score, rows)

    def run(self, feed: Mapping[str, NDArray[Any]]) -> Encoded:
        """The signature's outputs for what the graph takes."""
        return self._scorer.run(feed, self._outputs)

    def feed_rows(self, rows: Rows) -> Mapping[str, NDArray[Any]]:
        """What the graph takes, of rows."""
        if not self._widths:
            return {field.name: rows.column(field.name) for field in self.signature.inputs}
        return {kind: getattr(rows, kind)[:, :width] for kind, width in self._widths}  # context comes last

    def feed(self, table: pa.Table | pa.RecordBatch) -> Mapping[str, NDArray[Any]]:
        """What the graph takes, of an Arrow table."""
        encoded = encoders.feed({field.name: field.type for field in self.signature.inputs}, table)
        return self._scorer.feed(encoded)

    def score_table(self, table: pa.Table | pa.RecordBatch) -> Encoded:
        """The signature's outputs for a whole table; bit for bit what single requests get."""
        rows = table.num_rows
        return self._scorer.run_columns(
            lambda start, size: self.feed(table.slice(start, size)), rows, outputs=self._outputs
        )

    def _input_widths(self) -> tuple[tuple[str, int], ...]:
        """How many columns of each matrix the graph takes; none where it takes a tensor per column."""
        if self._scorer.packed is None:
            return ()
        names = self._scorer.packed.names
        for kind, inputs in names.items():
            if self.layout.names[kind][: len(inputs)] != inputs:
                raise ArtifactError(
                    f"the graph and signature.json disagree about the order of {kind}", hint="export the model again"
                )
        return tuple((kind, len(inputs)) for kind, inputs in names.items() if inputs)

    def written(self, scored: Scored) -> list[bytes]:
        """One JSON object per row, as `POST /predict` answers."""
        return self._json.rows(scored.answers)

    def predictions(self, scored: Scored) -> list[dict[str, Any]]:
        """The same as a client reads them."""
        return [msgspec.json.decode(row) for row in self.written(scored)]
