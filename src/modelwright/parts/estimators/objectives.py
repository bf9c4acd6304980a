"""What gradient boosted trees are fitted to, and the loss on validation rows that says when they stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import Metric
from modelwright.parts.samples import FitContext, Samples

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

Objective = Literal["squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie"]
PLAIN: Objective = "squared_error"
LOG_LINKED = frozenset({"poisson", "gamma", "tweedie"})  # whose raw scores are logarithms
TWEEDIE_POWER = 1.5
HUBER_SPREAD = 0.5  # of the target's deviation: larger errors count linearly
OBJECTIVE_TEXT = (
    "Regression: squared_error (the mean); absolute_error (the median); huber, that far values do not pull; quantile; "
    "poisson for counts; gamma for amounts; tweedie for amounts that are often 0."
)
# What says when to stop. Ranks and labels stand still while probabilities still improve, and would stop a model far
# too early; so classes stop by their loss, whatever `task.metric` chooses models by.
WATCHED = {"binary": ("log_loss",), "multiclass": ("log_loss",), "regression": ("rmse", "mae")}


@dataclass(frozen=True)
class Aim:
    """What is fitted: an objective with its own numbers. Of classes it is always their log loss."""

    objective: Objective
    quantile: float
    delta: float  # of huber, in units of the target


def aim(objective: Objective, quantile: float, learn: Samples, context: FitContext) -> Aim:
    """SpecError where the task has no such objective, DataError where the target can't be of it."""
    import numpy as np

    where = "train.model.objective"
    if context.n_classes and objective != PLAIN:
        raise SpecError(f"objective: {objective} is for regression; classes have their log loss", where=where)
    least = float(learn.target.min())
    if objective in LOG_LINKED and (least < 0 or (least == 0 and objective == "gamma")):
        wanted = "above 0" if objective == "gamma" else "0 or more"
        raise DataError(
            f"objective: {objective} is for a target {wanted}; learn has {least:g}",
            where=where,
            hint="use objective: tweedie where 0 occurs, or squared_error",
        )
    if objective in LOG_LINKED and not learn.target.any():
        raise DataError(f"objective: {objective} needs a target that is not always 0", where=where)
    return Aim(objective, quantile, HUBER_SPREAD * float(np.std(learn.target)))


@dataclass(frozen=True)
class Watch:
    """What is watched on validation rows: `score` of what was predicted for them."""

    name: str
    greater_is_better: bool
    score: Callable[[Floats], float]


def watch(fitted_to: Aim, validation: Samples, context: FitContext) -> Watch:
    """As everything else computes it, so with the same bits for any number of threads."""
    import numpy as np

    from modelwright.parts.predictions import Predictions

    weights = np.ones(len(validation.target)) if validation.weights is None else validation.weights
    if fitted_to.objective not in (PLAIN, "absolute_error"):
        return Watch(fitted_to.objective, False, lambda found: _mean_loss(fitted_to, validation.target, found, weights))
    known = WATCHED[context.task]
    kind = context.metric if context.metric in known else known[0]
    kind = "mae" if fitted_to.objective == "absolute_error" else kind
    metric = _metric(kind, context.task)

    def score(found: Floats) -> float:
        classes = found if context.n_classes else None
        label = None if classes is None else classes.argmax(axis=1).astype(np.float64)
        predictions = Predictions(validation.target, label, classes, found)
        return float(metric.score(validation.target, predictions.needed_by(metric), weights[None, :])[0])

    return Watch(metric.kind, metric.direction == "higher", score)


def _metric(kind: str, task: str) -> Metric:
    from modelwright.parts import catalog

    return cast(Metric, catalog.load("metrics", kind)(kind=kind)).made_for(task)


def _mean_loss(fitted_to: Aim, truth: Floats, predicted: Floats, weights: Floats) -> float:
    import numpy as np

    losses = {
        "huber": _huber,
        "quantile": _pinball,
        "poisson": lambda *given: _tweedie_deviance(*given, power=1.0),
        "gamma": lambda *given: _tweedie_deviance(*given, power=2.0),
        "tweedie": lambda *given: _tweedie_deviance(*given, power=TWEEDIE_POWER),
    }
    loss = losses[fitted_to.objective](fitted_to, truth, predicted)
    return float(np.sum(weights * loss) / np.sum(weights))


def _huber(fitted_to: Aim, truth: Floats, predicted: Floats) -> Floats:
    import numpy as np

    error = np.abs(truth - predicted)
    return np.where(error <= fitted_to.delta, error**2 / 2, fitted_to.delta * (error - fitted_to.delta / 2))


def _pinball(fitted_to: Aim, truth: Floats, predicted: Floats) -> Floats:
    import numpy as np

    error = truth - predicted
    return np.maximum(fitted_to.quantile * error, (fitted_to.quantile - 1) * error)


def _tweedie_deviance(_: Aim, truth: Floats, predicted: Floats, *, power: float) -> Floats:
    """Without what does not depend on the prediction, which may be 0 in the truth's logarithm."""
    import numpy as np

    predicted = np.maximum(predicted, 1e-300)
    if power == 1:
        return predicted - truth * np.log(predicted)
    if power == 2:
        return np.log(predicted) + truth / predicted
    deviance: Floats = predicted ** (2 - power) / (2 - power) - truth * predicted ** (1 - power) / (1 - power)
    return deviance
