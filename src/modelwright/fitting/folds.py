"""k-fold cross-validation: each row is predicted by a model that has seen neither it nor a row that belongs with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from modelwright.core.errors import DataError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.fitting.adapters import Adapted
from modelwright.fitting.fit import fit_model
from modelwright.parts.base import Feature, FitContext, Fitted, Model, Samples

if TYPE_CHECKING:
    from modelwright.parts.base import Floats

Rows = NDArray[np.bool_]
# From the rows to learn from to all rows as samples, whose features were fitted on no more than those, and their names.
SamplesFor = Callable[[Rows], tuple[Samples, tuple[Feature, ...]]]


@runtime_checkable
class Iterative(Protocol):
    """A fitted model that can be had after fewer iterations."""

    def truncated(self, iterations: int) -> Fitted: ...


@dataclass(frozen=True)
class OutOfFold:
    """Predictions [N] or [N, K] for every row; `iterations` is the common count, for models that have one."""

    predictions: Floats
    iterations: int | None
    curve: Sequence[Mapping[str, float]]
    notes: Sequence[Mapping[str, Any]]  # of each fold's model


def assign_folds(digests: NDArray[np.int64], folds: int, seed: int, classes: Floats | None = None) -> NDArray[np.int64]:
    """[N] fold numbers, by hash of the row digests: equal digests share a fold, and each fold has its share of classes.

    DataError when there are fewer distinct rows than folds.
    """
    unique, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    if len(unique) < folds:
        raise DataError(f"{len(unique)} distinct rows (or groups of rows) can't be split into {folds} folds")
    strata = np.zeros(len(unique)) if classes is None else classes[first]
    order = np.lexsort((_mixed(unique, seed), strata))
    numbers = np.empty(len(unique), np.int64)
    numbers[order] = np.arange(len(unique)) % folds
    found: NDArray[np.int64] = numbers[inverse]
    return found


def together(digests: NDArray[np.int64], groups: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """[N] one digest for all rows of a group, so that they share a fold: the least of theirs."""
    if groups is None:
        return digests
    _, member = np.unique(groups, return_inverse=True)
    least = np.full(member.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, member, digests)
    found: NDArray[np.int64] = least[member]
    return found


def _mixed(digests: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """splitmix64 (Steele et al., 2014) of digest and seed."""
    start = child_seed(seed, "folds") * 0x9E3779B97F4A7C15 % 2**64
    mixed = digests.astype(np.uint64) + np.uint64(start)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def cross_validate(
    model: Model,
    samples_for: SamplesFor,
    folds: NDArray[np.int64],
    context: FitContext,
    progress: Progress,
) -> OutOfFold:
    """Fit once per fold. A model that stops early does so on the fold that is held out; then all folds are predicted
    at the one iteration count at which their averaged curve is best, so that no fold picks its own."""
    count = int(folds.max()) + 1
    fitted: list[Fitted] = []
    held_features: list[Floats] = []
    with progress.track(f"{count} folds", count) as advance:
        for fold in range(count):
            held = folds == fold
            samples, features = samples_for(~held)
            fold_context = replace(context, features=features, seed=child_seed(context.seed, "fold", fold))
            held_out = taken(samples, held)
            fitted.append(fit_model(model, taken(samples, ~held), held_out, fold_context))
            held_features.append(held_out.features)
            advance(1)
    iterations, curve = common_iterations(fitted)
    width = () if not context.n_classes else (context.n_classes,)
    predictions = np.empty((len(folds), *width))
    for fold, (one, rows) in enumerate(zip(fitted, held_features, strict=True)):
        final = shortened(one, iterations) if iterations else one
        predictions[folds == fold] = final.predict(rows)
    return OutOfFold(predictions, iterations, curve, [one.notes for one in fitted])


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
