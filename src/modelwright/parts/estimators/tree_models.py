"""Boosted trees of any library: asked for fewer iterations, of the classes that learn had, in one node of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modelwright.parts.estimators.bagging import compile_boosted, linked
from modelwright.parts.estimators.boosting import balanced, gain_shares, refuse_class_weight, stopping_notes
from modelwright.parts.estimators.known_classes import codes_of, other_classes
from modelwright.parts.estimators.linear import NEVER
from modelwright.parts.samples import FitContext, Samples

if TYPE_CHECKING:
    import numpy as np

    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.trees import Tree
    from modelwright.parts.estimators.objectives import Watch
    from modelwright.parts.samples import Floats


class Library(Protocol):
    """What a library fitted, after the first so many iterations. Trees come class by class, for each iteration."""

    def raw(self, features: Floats, iterations: int) -> Floats:
        """[N], or [N, k] for more than two classes."""

    def trees(self, iterations: int) -> list[Tree]: ...

    def gains(self, iterations: int) -> Floats:
        """[F]"""

    def save(self, folder: Path, iterations: int) -> None: ...


@dataclass(frozen=True)
class Problem:
    """What is to be fitted: of classes only those that learn has, counted from 0. `codes` says which those are."""

    learn: Samples
    validation: Samples | None
    context: FitContext
    codes: tuple[int, ...]
    whole: FitContext


def problem(learn: Samples, validation: Samples | None, context: FitContext, class_weight: str | None) -> Problem:
    """With the classes of learn, weighted as the spec says."""
    refuse_class_weight(class_weight, context)
    if not context.n_classes:
        return Problem(learn, validation, context, (), context)
    codes = tuple(codes_of(learn.target).tolist())
    if context.start is not None and codes != tuple(context.start.notes.get("codes", range(context.n_classes))):
        raise other_classes(context.start)
    inner = replace(context, n_classes=len(codes), task="binary" if len(codes) == 2 else "multiclass")
    known = _of_classes(balanced(learn, class_weight), codes)
    held = None if validation is None else _of_classes(validation, codes)
    return Problem(known, held if held is not None and len(held.target) else None, inner, codes, context)


def _of_classes(samples: Samples, codes: Sequence[int]) -> Samples:
    """The rows of some classes, as 0, 1, …"""
    import numpy as np

    kept = np.isin(samples.target, codes)
    weights = None if samples.weights is None else samples.weights[kept]
    target = np.searchsorted(codes, samples.target[kept]).astype(np.float64)
    return Samples(samples.features[kept], target, weights)


def fitted_trees(library: Library, posed: Problem, iterations: int) -> FittedTrees:
    """Of a model for which no validation rows said when to stop."""
    notes = stopping_notes(iterations, 0, None) | _lacking(posed)
    return FittedTrees(library, iterations, iterations, posed.whole, posed.codes, notes, ())


def stopped_trees(
    library: Library,
    posed: Problem,
    best: int,
    values: Sequence[float],
    watched: Watch | None,
    *,
    earlier: int = 0,
) -> FittedTrees:
    """Of a model that was watched on validation rows; `watched` is None where they did not say when to stop.

    `earlier` iterations are those of a model that it went on from."""
    notes = stopping_notes(earlier + best, len(values), watched) | _lacking(posed)
    curve = tuple({"iteration": earlier + at + 1.0, "validation": float(value)} for at, value in enumerate(values))
    return FittedTrees(library, earlier + best, earlier + len(values), posed.whole, posed.codes, notes, curve)


def _lacking(posed: Problem) -> dict[str, Any]:
    """The classes, where learn has not all."""
    return {"codes": list(posed.codes)} if len(posed.codes) < posed.whole.n_classes else {}


@dataclass(frozen=True)
class FittedTrees:
    library: Library
    iterations: int
    available: int  # how many iterations were computed
    context: FitContext
    codes: tuple[int, ...]  # of the classes that the library knows
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]

    @property
    def importance(self) -> Mapping[str, float] | None:
        """Share of the total gain."""
        return gain_shares(self.library.gains(self.iterations), self.context)

    def truncated(self, iterations: int) -> FittedTrees:
        """The same model after fewer (or, if they were computed, more) iterations."""
        count = min(iterations, self.available)
        return replace(self, iterations=count, notes={**self.notes, "iterations": count})

    def raw(self, features: Floats) -> Floats:
        """Sums of leaves: [N], or [N, K] for several classes."""
        import numpy as np

        found = self.library.raw(features, self.iterations)
        if not self._lacks_classes:
            return found
        every = np.full((len(features), self.context.n_classes), NEVER)
        if len(self.codes) == 2:  # log odds of the second against the first
            found = np.stack([np.zeros(len(found)), found], axis=1)
        every[:, list(self.codes)] = found
        return every

    def predict(self, features: Floats) -> Floats:
        return linked(self.raw(features), self.context.task)

    def trees(self) -> list[Tree]:
        """Of several classes, tree i is of class i modulo K."""
        from modelwright.graph.booster_sources import constant_tree

        found = self.library.trees(self.iterations)
        if not self._lacks_classes:
            return found
        codes = self.codes[1:] if len(self.codes) == 2 else self.codes
        every = [constant_tree(0.0 if code in self.codes else NEVER) for code in range(self.context.n_classes)]
        for start in range(0, len(found), len(codes)):
            own = dict(zip(codes, found[start : start + len(codes)], strict=True))
            every += [own.get(code) or constant_tree(0.0) for code in range(self.context.n_classes)]
        return every

    @property
    def _lacks_classes(self) -> bool:
        return len(self.codes) < self.context.n_classes

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return compile_boosted(graph, features, self.trees(), self.context)

    def save_native(self, folder: Path) -> None:
        self.library.save(folder, self.iterations)


def best_of(values: Sequence[float], watched: Watch) -> int:
    """The iteration, counted from 1, after which the watched score is best; the first of several."""
    import numpy as np

    return int(np.argmax(values) if watched.greater_is_better else np.argmin(values)) + 1


def summed_gains(count: int, features: np.typing.NDArray[np.int64], gains: Floats) -> Floats:
    """[count]: the gains of splits, by feature."""
    import numpy as np

    return np.bincount(features, gains, minlength=count).astype(np.float64)
