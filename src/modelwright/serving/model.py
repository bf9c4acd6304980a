"""A bundle that is loaded and ready to answer: columns in, predictions out, through the one graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.core.errors import ArtifactError, DataError
from modelwright.graph import encoders
from modelwright.graph.running import Scorer
from modelwright.serving.refusals import RequestError, null_refused
from modelwright.serving.requests import Columns, RowDecoder
from modelwright.serving.settings import Limits
from modelwright.serving.signature import Field, Signature

if TYPE_CHECKING:
    import pyarrow as pa

Encoded = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Scored:
    """Encoded inputs and context of N rows, and what the graph answered: [N] and, for classes, [N, K]."""

    columns: Encoded
    prediction: NDArray[Any]
    probability: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.prediction)


class ServedModel:
    """One version of a model in memory."""

    def __init__(self, signature: Signature, model: bytes, *, version: int, limits: Limits) -> None:
        """From a graph's verified bytes. ArtifactError when graph and signature do not belong together."""
        self.signature, self.name, self.version = signature, signature.name, version
        self.max_rows = limits.rows
        self._scorer = Scorer(model)
        unknown = set(self._scorer.inputs) ^ {field.name for field in self.signature.inputs}
        if unknown:
            raise ArtifactError(
                f"the graph and signature.json disagree about {', '.join(sorted(unknown))}",
                hint="export the model again",
            )
        self.decoder = RowDecoder(self.signature, max_rows=limits.rows, max_characters=limits.string_chars)
        self._keys = tuple(str(label) for label in self.signature.classes or ())

    def score(self, columns: Columns) -> Scored:
        """Run the graph. RequestError names the field whose values do not fit."""
        encoded = {field.name: _encoded(field, columns[field.name]) for field in self.signature.fields}
        answer = self.run({field.name: encoded[field.name] for field in self.signature.inputs})
        return Scored(encoded, answer["prediction"], answer.get("probability"))

    def run(self, feed: Encoded) -> Encoded:
        """The graph's outputs for encoded inputs."""
        return self._scorer.run(feed)

    def feed(self, table: pa.Table | pa.RecordBatch) -> Encoded:
        """Encoded inputs of an Arrow table."""
        return encoders.feed({field.name: field.type for field in self.signature.inputs}, table)

    def score_table(self, table: pa.Table | pa.RecordBatch) -> Encoded:
        """The graph's outputs for a whole table; bit for bit what single requests get."""
        return self._scorer.run_columns(lambda start, size: self.feed(table.slice(start, size)), table.num_rows)

    def predictions(self, scored: Scored) -> list[dict[str, Any]]:
        """One object per row, as `POST /predict` answers."""
        labels = scored.prediction.tolist()
        if scored.probability is None:
            return [{"prediction": label} for label in labels]
        shares = scored.probability.tolist()
        return [
            {"prediction": label, "probability": dict(zip(self._keys, row, strict=True))}
            for label, row in zip(labels, shares, strict=True)
        ]


def _encoded(field: Field, values: list[Any]) -> NDArray[Any]:
    try:
        return encoders.encode(field.type, values)
    except DataError:
        for row, value in enumerate(values):
            if value is None and not field.nullable:
                raise null_refused(row, field.name) from None
            try:
                encoders.encode(field.type, [value])
            except DataError as error:
                reason = error.problems[0].message
                raise RequestError(422, f"rows[{row}].{field.name}: {reason}", field=field.name, row=row) from None
        raise
