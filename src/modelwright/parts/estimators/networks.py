"""Fits a dense network to a table: encodes the rows, trains (see `learning`), and keeps what the graph needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from modelwright.parts.estimators import network_files
from modelwright.parts.estimators.boosting import refuse_objective, stopping_notes
from modelwright.parts.estimators.fitted_network import Ending, FittedNetwork
from modelwright.parts.estimators.network_files import Kept
from modelwright.parts.estimators.objectives import Aim, Objective, Watch, aim, watch
from modelwright.parts.estimators.trained_networks import PIECE, Device, needed, trained, usual_batch
from modelwright.parts.estimators.tree_models import Problem, best_of, problem
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.piecewise import Encoding
    from modelwright.learning.loop import Learnt, Schedule
    from modelwright.parts.base import Model
    from modelwright.parts.samples import Floats

    Encoded = NDArray[np.float32]

OBJECTIVES: tuple[Objective, ...] = ("squared_error", "absolute_error", "huber", "quantile")
MOST_CELLS = 250_000_000  # of the encoded matrix (1 GB); with more rows, numbers get fewer bins
SAMPLED = 256  # rows by which importance is told
SEARCH_SPACE: Mapping[str, Any] = {
    "hidden": {"low": 32, "high": 512, "log": True, "type": "int"},
    "layers": {"low": 1, "high": 4, "type": "int"},
    "dropout": {"low": 0.0, "high": 0.5},
    "learning_rate": {"low": 3e-4, "high": 2e-2, "log": True},
    "weight_decay": {"low": 1e-3, "high": 0.3, "log": True},
    "bins": {"low": 4, "high": 64, "log": True, "type": "int"},
}


@dataclass(frozen=True)
class Settings:
    """What the parts that are networks have in common."""

    kind: str
    members: int
    hidden: int
    layers: int
    dropout: float
    learning_rate: float
    weight_decay: float
    epochs: int
    iterations: int | None
    batch_size: int | None
    bins: int | None
    patience: int | None
    time_limit_s: float | None
    objective: Objective
    quantile: float
    class_weight: str | None
    device: Device


def settings_of(part: Model, **usual: Any) -> Settings:
    """The keys of a part; `usual` stands for those that it lacks or leaves open."""
    said = {name: value for name, value in part.model_dump().items() if value is not None or name not in usual}
    return Settings(**{**usual, **said})


def fit_network(settings: Settings, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
    """ResourceError when torch is not installed, or the device is not there."""
    needed()
    refuse_objective(settings.kind, settings.objective, OBJECTIVES)
    fitted_to = aim(settings.objective, settings.quantile, learn, context)
    posed = problem(learn, validation, context, settings.class_weight)
    kept = None if context.start is None else network_files.read(context.start)
    ending = _ending(posed) if kept is None else Ending(posed.codes, context.n_classes, *kept.target)
    encoding = _encoding(settings, posed.learn, context) if kept is None else kept.encoding
    rows = _encoded(encoding, posed.learn.features)
    watched = None if posed.validation is None else watch(fitted_to, posed.validation, posed.context)
    learnt = _learnt(settings, posed, fitted_to, ending, encoding, rows, watched, kept)
    stops = watched if settings.patience is not None else None
    best = _best(learnt, stops)
    notes = stopping_notes(best, len(learnt.losses), stops)
    if learnt.out_of_time:
        notes["stopped_by"] = "time_limit_s"
    if not context.n_classes:
        notes |= {"target_mean": ending.mean, "target_deviation": ending.spread}
    curve = tuple({"iteration": at + 1.0, "validation": score} for at, score in enumerate(learnt.scores))
    sample = rows[:: -(-len(rows) // SAMPLED)].astype("float64")
    return FittedNetwork(encoding, learnt.epochs, best, ending, context, notes, curve, sample)


def _best(learnt: Learnt, stops: Watch | None) -> int:
    return best_of(learnt.scores, stops) if stops else len(learnt.losses)


def _ending(posed: Problem) -> Ending:
    import numpy as np

    if posed.codes:
        return Ending(posed.codes, posed.whole.n_classes)
    target, weights = posed.learn.target, posed.learn.weights
    mean = float(np.average(target, weights=weights))
    return Ending((), 0, mean, float(np.sqrt(np.average((target - mean) ** 2, weights=weights))) or 1.0)


def _encoding(settings: Settings, learn: Samples, context: FitContext) -> Encoding:
    """Numbers become how far they have come through their bins, if any, and themselves; categories 0/1 columns; missing
    values a flag."""
    from modelwright.graph.piecewise import fit_encoding

    names = [feature.name for feature in context.features]
    categories = [at for at, feature in enumerate(context.features) if feature.cardinality is not None]
    numbers = max(len(names) - len(categories), 1)
    most = MOST_CELLS // (len(learn.target) * numbers)
    bins = 1 if settings.bins is None else max(2, min(settings.bins, most))
    with one_thread():
        return fit_encoding(names, categories, learn.features, bins)


def _encoded(encoding: Encoding, features: Floats) -> Encoded:
    import numpy as np

    found = np.empty((len(features), len(encoding.origins)), np.float32)
    for start in range(0, len(features), PIECE):
        found[start : start + PIECE] = encoding.apply(features[start : start + PIECE])
    return found


def _learnt(
    settings: Settings,
    posed: Problem,
    fitted_to: Aim,
    ending: Ending,
    encoding: Encoding,
    rows: Encoded,
    watched: Watch | None,
    kept: Kept | None,
) -> Learnt:
    """With torch from here on."""
    import numpy as np
    import torch

    from modelwright.learning import dense, devices, loop

    device = devices.chosen(settings.device)
    context, learn = posed.context, posed.learn
    outputs = context.n_classes if context.n_classes > 2 else 1
    shape = dense.Shape(rows.shape[1], (settings.hidden,) * settings.layers, outputs, settings.members)
    kind = context.task if context.n_classes else fitted_to.objective
    loss = dense.Loss(kind, fitted_to.quantile, fitted_to.delta / ending.spread)
    target = ((learn.target - ending.mean) / ending.spread).astype(np.float32)
    weights = None if learn.weights is None else (learn.weights / learn.weights.mean()).astype(np.float32)

    def placed(array: Any) -> Any:
        return None if array is None else torch.from_numpy(array).to(device)

    start = None
    if kept is not None and context.start is not None:
        network_files.check(kept, context.start, dense.shapes(shape), posed.codes)
        start = {name: placed(array.copy()) for name, array in kept.weights.items()}
    known_rows = dense.Rows(placed(rows), placed(target), placed(weights))
    task = dense.DenseTask(shape, settings.dropout, loss, known_rows, start)
    watching = None
    if watched is not None and posed.validation is not None:
        known = Ending(tuple(range(context.n_classes)), context.n_classes, ending.mean, ending.spread)
        held = placed(_encoded(encoding, posed.validation.features)).split(PIECE)

        def score(state: dict[str, torch.Tensor]) -> float:
            return watched.score(known.of(task.outputs(state, held).cpu().numpy().astype(np.float64)))

        watching = loop.Watched(score, watched.greater_is_better)
    schedule = _schedule(settings, len(rows))
    return trained(task, schedule, asdict(settings), learn, posed.validation, context, device, watching)


def _schedule(settings: Settings, rows: int) -> Schedule:
    from modelwright.learning.loop import Schedule

    return Schedule(
        settings.epochs,
        settings.batch_size or usual_batch(rows),
        settings.learning_rate,
        settings.weight_decay,
        settings.patience,
        settings.iterations,
        settings.time_limit_s,
    )
