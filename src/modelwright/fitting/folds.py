"""Cross-validation: a row is predicted by a model that has seen neither it nor a row that belongs with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.fitting.adapters import Adapted
from modelwright.fitting.fit import fit_model
from modelwright.parts.base import Model
from modelwright.parts.folding import Fold
from modelwright.parts.samples import Feature, FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

Rows = NDArray[np.bool_]
# Of a fold, the samples to learn from and those that are held out, and the names of their features.
SamplesFor = Callable[[Fold], tuple[Samples, Samples, tuple[Feature, ...]]]


@runtime_checkable
class Iterative(Protocol):
    """A fitted model that can be had after fewer iterations."""

    def truncated(self, iterations: int) -> Fitted: ...


@dataclass(frozen=True)
class OutOfFold:
    """Predictions [n] or [n, K] for the rows that some fold held out, in their order.

    `iterations` is the common count, for models that have one."""

    predictions: Floats
    rows: Rows  # [N] which those are
    iterations: int | None
    curve: Sequence[Mapping[str, float]]
    notes: Sequence[Mapping[str, Any]]  # of each fold's model


def cross_validate(
    model: Model,
    samples_for: SamplesFor,
    folds: Sequence[Fold],
    context: FitContext,
    progress: Progress,
) -> OutOfFold:
    """Fit once per fold. A model that stops early does so on the fold that is held out; then all folds are predicted
    at the one iteration count at which their averaged curve is best, so that no fold picks its own."""
    fitted: list[Fitted] = []
    held_features: list[Floats] = []
    with progress.track(f"{len(folds)} folds", len(folds)) as advance:
        for number, fold in enumerate(folds):
            learn, held, features = samples_for(fold)
            fold_context = replace(context, features=features, seed=child_seed(context.seed, "fold", number))
            fitted.append(fit_model(model, learn, held, fold_context))
            held_features.append(held.features)
            advance(1)
    iterations, curve = common_iterations(fitted)
    said = [
        (shortened(one, iterations) if iterations else one).predict(rows)
        for one, rows in zip(fitted, held_features, strict=True)
    ]
    predictions = np.empty((len(folds[0].held), *said[0].shape[1:]))
    for fold, found in zip(folds, said, strict=True):
        predictions[fold.held] = found
    predicted = np.logical_or.reduce([fold.held for fold in folds])
    return OutOfFold(predictions[predicted], predicted, iterations, curve, [one.notes for one in fitted])


def common_iterations(fitted: Sequence[Fitted]) -> tuple[int | None, list[dict[str, float]]]:
    """The iteration at which the validation curve, averaged over the folds, is best; and that curve.

    None for models that were told not to stop early, as for those that have no iterations.
    """
    lengths = [len(one.curve) if isinstance(_core(one), Iterative) else 0 for one in fitted]
    if not min(lengths, default=0):
        return None, []
    values = np.array([[step["validation"] for step in one.curve[: min(lengths)]] for one in fitted])
    mean = values.mean(axis=0)
    curve = [{"iteration": at + 1.0, "validation": float(value)} for at, value in enumerate(mean)]
    if not stopped_early(fitted[0]):
        return None, curve
    best = int(np.argmax(mean) if fitted[0].notes.get("greater_is_better") else np.argmin(mean)) + 1
    return best, curve


def stopped_early(fitted: Fitted) -> bool:
    """Whether validation rows said how many iterations it has."""
    return "stopping_metric" in fitted.notes


def shortened(fitted: Fitted, iterations: int) -> Fitted:
    """The model after that many iterations; itself where it has none."""
    core = _core(fitted)
    if not isinstance(core, Iterative):
        return fitted
    short = core.truncated(iterations)
    return replace(fitted, inner=short) if isinstance(fitted, Adapted) else short


def _core(fitted: Fitted) -> Fitted:
    return fitted.inner if isinstance(fitted, Adapted) else fitted


def with_iterations(model: Model, iterations: int | None) -> Model:
    """The model, to be fitted for exactly that many iterations without validation rows."""
    if iterations is None or "iterations" not in type(model).model_fields:
        return model
    return model.model_copy(update={"iterations": iterations})


def taken(samples: Samples, rows: NDArray[Any]) -> Samples:
    """Some rows: a mask or indices."""
    weights = None if samples.weights is None else samples.weights[rows]
    return Samples(samples.features[rows], samples.target[rows], weights)
