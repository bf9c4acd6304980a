"""What gradient boosted trees share: notes on when they stopped, weights of classes, predictions from logarithms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modelwright.core.errors import ResourceError, SpecError
from modelwright.parts.estimators.objectives import LOG_LINKED, Aim, Watch
from modelwright.parts.samples import FitContext, Samples

if TYPE_CHECKING:
    from types import ModuleType

    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


def stopping_notes(best: int, tried: int, watched: Watch | None) -> dict[str, Any]:
    """`watched` is None where validation rows did not say when to stop."""
    if watched is None:
        return {"iterations": best}
    return {
        "iterations": best,
        "stopping_metric": watched.name,
        "greater_is_better": watched.greater_is_better,
        "iterations_tried": tried,
    }


def balanced(samples: Samples, class_weight: str | None) -> Samples:
    """Rows weighted so that each class counts as much as any other, where the spec says `balanced`."""
    import numpy as np

    if class_weight is None:
        return samples
    weights = np.ones(len(samples.target)) if samples.weights is None else samples.weights
    codes, places = np.unique(samples.target, return_inverse=True)
    counts = np.bincount(places, weights)
    each = np.where(counts > 0, weights.sum() / (len(codes) * np.where(counts > 0, counts, 1)), 0.0)
    return replace(samples, weights=weights * each[places])


def refuse_class_weight(class_weight: str | None, context: FitContext) -> None:
    """SpecError where there are no classes."""
    if class_weight is not None and not context.n_classes:
        raise SpecError(f"class_weight is for classes, not for {context.task}", where="train.model.class_weight")


def refuse_objective(kind: str, objective: str, known: Collection[str]) -> None:
    """SpecError where a library lacks an objective that others have."""
    if objective not in known:
        raise SpecError(
            f"{kind} has no objective: {objective}; it has {', '.join(known)}",
            where="train.model.objective",
            hint="lightgbm and xgboost have them all",
        )


def extra(module: str, name: str) -> ModuleType:
    """A library that only an extra installs. ResourceError when it is missing."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ResourceError(f"{module} is not installed", hint=f"pip install 'modelwright[{name}]'") from error


def gain_shares(gains: Mapping[int, float] | Floats, context: FitContext) -> dict[str, float]:
    """Importance: each feature's share of the total gain."""
    found = gains if isinstance(gains, Mapping) else dict(enumerate(gains.tolist()))
    total = sum(found.values()) or 1.0
    return {feature.name: float(found.get(at, 0.0) / total) for at, feature in enumerate(context.features)}


class Booster(Protocol):
    """Boosted trees whose raw scores can be had."""

    @property
    def notes(self) -> Mapping[str, Any]: ...

    @property
    def curve(self) -> Sequence[Mapping[str, float]]: ...

    @property
    def importance(self) -> Mapping[str, float] | None: ...

    def raw(self, features: Floats) -> Floats: ...

    def truncated(self, iterations: int) -> Any: ...

    def compile(self, graph: GraphBuilder, features: str) -> str: ...

    def save_native(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class LogLinked:
    """Boosted trees of values whose raw scores are logarithms of what they predict."""

    inner: Booster

    @property
    def notes(self) -> Mapping[str, Any]:
        return self.inner.notes

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return self.inner.importance

    def truncated(self, iterations: int) -> LogLinked:
        return LogLinked(self.inner.truncated(iterations))

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        values: Floats = np.exp(self.inner.raw(features))
        return values

    def compile(self, graph: GraphBuilder, features: str) -> str:
        from modelwright.graph import steady

        return steady.exp(graph, self.inner.compile(graph, features))

    def save_native(self, folder: Path) -> None:
        self.inner.save_native(folder)


def log_linked(fitted: Booster, fitted_to: Aim) -> Any:
    """The model itself, or its exponential where the objective works with logarithms."""
    return LogLinked(fitted) if fitted_to.objective in LOG_LINKED else fitted
