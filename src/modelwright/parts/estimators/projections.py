"""What models of linear components share: rows as a few numbers, and how far what these say is from the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import DataError

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


SAME = 1e-12  # of the largest variance: below it is rounding


def main_directions(rows: Floats, weights: Floats | None, centre: Floats) -> tuple[Floats, Floats]:
    """Variances about `centre`, falling, and directions [F, F] as columns, the greatest entry of each positive."""
    import numpy as np

    from modelwright.parts.components import largest
    from modelwright.parts.one_thread import one_thread

    counted = np.ones(len(rows)) if weights is None else weights
    if not counted.sum() > 0:
        raise DataError("no row has a weight above 0", where="train.model")
    with one_thread():
        apart = (rows - centre) * np.sqrt(counted)[:, None]
        return largest(apart.T @ apart / counted.sum())


def enough(variances: Floats, wanted: float, kind: str, most: int) -> int:
    """How many components: as many as said, or as hold the said share. DataError when there are not so many."""
    import numpy as np

    if wanted >= 1:
        if wanted > most:
            raise DataError(
                f"{kind}: {wanted:g} components of {len(variances)} features and as many rows as there are",
                where="train.model.components",
                hint=f"at most {most}",
            )
        return int(wanted)
    total = variances.sum()
    if not total > 0:
        return 1
    return min(int(np.searchsorted(np.cumsum(variances / total), wanted - 1e-12) + 1), most)


def rank(variances: Floats) -> int:
    """In how many directions rows differ by more than rounding."""
    return int((variances > SAME * variances[0]).sum())


def shares_of(variances: Floats, count: int) -> list[float]:
    """Of all that varies, what each of the first components holds."""
    total = float(variances.sum())
    return [float(value) / total if total > 0 else 0.0 for value in variances[:count]]


@dataclass(frozen=True)
class FittedProjection:
    """(x - centre) times `directions` [F, K]; with `error_only`, what that leaves unsaid is all that is answered."""

    centre: Floats
    directions: Floats
    error_only: bool
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        """[N, 1 + K]: the squared error of the reconstruction, then the components; or [N] errors."""
        import numpy as np

        apart = features - self.centre
        components = apart @ self.directions
        errors: Floats = ((apart - components @ self.directions.T) ** 2).sum(axis=1)
        return errors if self.error_only else np.column_stack([errors, components])

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        apart = graph.op("Sub", features, self.centre)
        components = graph.op("MatMul", apart, np.ascontiguousarray(self.directions))
        said = graph.op("MatMul", components, np.ascontiguousarray(self.directions.T))
        errors = compile_squares(graph, graph.op("Sub", apart, said), len(self.centre))
        if self.error_only:
            return graph.op("Squeeze", errors, np.array([1]))
        return graph.op("Concat", errors, components, axis=1)

    def save_native(self, folder: Path) -> None:
        """Nothing: the directions are in the graph."""


def compile_squares(graph: GraphBuilder, matrix: str, width: int) -> str:
    """[N, 1]: the sum of the squares of each row."""
    import numpy as np

    return graph.op("MatMul", graph.op("Mul", matrix, matrix), np.ones((width, 1)))
