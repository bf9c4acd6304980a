"""From anomaly scores to flags: the threshold that a given share of learn is above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import DataError

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Fitted, Floats


def flagged(fitted: Fitted, features: Floats, share: float) -> Flagged:
    """The model with the threshold that about `share` of the rows of learn are above. DataError where all are alike."""
    import numpy as np

    scores = np.sort(fitted.predict(features))
    distinct = scores[np.flatnonzero(np.diff(scores, append=np.inf) > 1e-9 * np.abs(scores))]
    if len(distinct) < 2:
        raise DataError("all rows of learn are equally strange", hint="do the columns differ from row to row?")
    # In the middle of a gap between scores, so that rounding never moves a row of learn across it.
    wanted = scores[min(int((1 - share) * len(scores)), len(scores) - 1)]
    at = min(max(int(np.searchsorted(distinct, wanted)), 1), len(distinct) - 1)
    threshold = float((distinct[at - 1] + distinct[at]) / 2)
    return Flagged(fitted, threshold, float((scores > threshold).mean()))


@dataclass(frozen=True)
class Flagged:
    """[N, 2]: the score, and 1 where it is above the threshold."""

    inner: Fitted
    threshold: float
    share: float  # of learn that is above it

    @property
    def notes(self) -> Mapping[str, Any]:
        return {**self.inner.notes, "threshold": self.threshold, "flagged_share_of_learn": self.share}

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return self.inner.importance

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        scores = self.inner.predict(features)
        return np.column_stack([scores, (scores > self.threshold).astype(np.float64)])

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph.builder import NUMBER

        score = self.inner.compile(graph, features)
        above = graph.cast(graph.op("Greater", score, np.float64(self.threshold)), NUMBER)
        columns = [graph.op("Unsqueeze", one, np.array([1])) for one in (score, above)]
        return graph.op("Concat", *columns, axis=1)

    def save_native(self, folder: Path) -> None:
        self.inner.save_native(folder)
