"""Probabilities of the classes that learn had, among all classes of the task: those it lacked get none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Fitted, Floats, Start


@dataclass(frozen=True)
class KnownClasses:
    """A model of the classes `codes` only, as one of all `n_classes`."""

    inner: Fitted
    codes: Sequence[int]
    n_classes: int

    @property
    def notes(self) -> Mapping[str, Any]:
        return self.inner.notes

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return self.inner.importance

    def predict(self, features: Floats) -> Floats:
        return among_all(self.inner.predict(features), self.codes, self.n_classes)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return compile_among_all(graph, self.inner.compile(graph, features), self.codes, self.n_classes)

    def save_native(self, folder: Path) -> None:
        self.inner.save_native(folder)


def of_all_classes(inner: Fitted, target: Floats, n_classes: int) -> Fitted:
    """`inner` was fitted on the classes that `target` has, in their order; itself where those are all, or values."""
    codes = codes_of(target).tolist()
    return inner if not n_classes or len(codes) == n_classes else KnownClasses(inner, codes, n_classes)


def other_classes(start: Start) -> DataError:
    """Why an earlier model can't be continued with rows of more or fewer classes."""
    return DataError(
        f"{start.label} learnt other classes than these rows have",
        where="train.warm_start",
        hint="train without warm_start",
    )


def codes_of(target: Floats) -> NDArray[np.int64]:
    """The class codes that occur, ascending."""
    import numpy as np

    return np.unique(target).astype(np.int64)


def among_all(probabilities: Floats, codes: Sequence[int], n_classes: int) -> Floats:
    """[N, k] of the classes `codes` to [N, n_classes]."""
    import numpy as np

    if len(codes) == n_classes:
        return probabilities
    found = np.zeros((len(probabilities), n_classes))
    found[:, list(codes)] = probabilities
    return found


def compile_among_all(graph: GraphBuilder, probabilities: str, codes: Sequence[int], n_classes: int) -> str:
    """`among_all` as a node; exact, as every sum has one term that is not 0."""
    import numpy as np

    if len(codes) == n_classes:
        return probabilities
    return graph.op("MatMul", probabilities, np.eye(n_classes)[list(codes)])
