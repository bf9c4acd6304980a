"""Fits one model of a portfolio on the shared folds, and later on all rows that the final graph may learn from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from modelwright.core.seeds import child_seed
from modelwright.fitting import target_transforms, training
from modelwright.fitting.budget import Budget
from modelwright.fitting.fit import fit_model
from modelwright.fitting.fold_means import mean_of_folds
from modelwright.fitting.folds import common_iterations, shortened, taken, with_iterations
from modelwright.fitting.graph_cost import GraphCost, graph_cost
from modelwright.fitting.shared_folds import SharedFolds, spread
from modelwright.fitting.target_transforms import Rescaled, Scale
from modelwright.fitting.training import Recipe
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.parts.base import Model
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


SHORTEST_S = 0.5  # of a fit; a shorter one does not say how busy the machine is


class TooLongError(Exception):
    """What is left of the budget would not suffice."""


class NoGainError(Exception):
    """On the first fold it adds nothing to the models so far."""


@dataclass(frozen=True)
class Candidate:
    """One model to try; `round` sets another seed."""

    name: str
    model: Model
    round: int = 0

    @property
    def base(self) -> str:
        """Its name, whatever the seed."""
        return self.name.partition(", seed ")[0]

    def seed(self, recipe: Recipe) -> int:
        seed = child_seed(recipe.seed, "train", self.model.kind)
        return child_seed(seed, "round", self.round) if self.round else seed


@dataclass(frozen=True)
class Member:
    """A candidate that was fitted on every fold."""

    candidate: Candidate
    model: Model  # for the common number of iterations
    predictions: Floats  # [n] or [n, K] of the judged rows, on the target's own scale
    curve: Sequence[Mapping[str, float]]
    scale: Scale
    factor: float
    stopped_early: bool
    cost: GraphCost  # of one fold's graph
    fit_s: float  # of all folds, one after the other
    fold_s: float  # of the slowest, beside those that are fitted at the same time
    compile_s: float  # of one fold's graph
    predict_s: float  # of all judged rows
    slowness: float  # how many times as long as its processor time the fits took, as other programs had their turn
    fitted: tuple[Fitted, ...] = field(default=(), repr=False)  # of each fold, where the final model is made of them

    @property
    def name(self) -> str:
        return self.candidate.name


@dataclass(frozen=True)
class FoldFits:
    """Fits a candidate on some folds, of each on `most_rows` at most; threads are shared among them."""

    shared: SharedFolds
    recipe: Recipe
    most_rows: int | None = None

    def fit(self, candidate: Candidate, scale: Scale, numbers: Sequence[int]) -> list[tuple[Fitted, float]]:
        """The fitted models of those folds, and the seconds that each took."""
        workers = min(self.at_once(candidate), len(numbers))
        if workers <= 1:
            return [self._one(candidate, scale, number, self.recipe.threads) for number in numbers]
        threads = max(1, self.recipe.threads // workers)
        with one_thread(), ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(self._one, candidate, scale, number, threads) for number in numbers]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def at_once(self, candidate: Candidate) -> int:
        """How many folds are fitted at the same time."""
        folds = len(self.shared.folds)
        return min(self.recipe.threads, folds) if candidate.model.folds_in_threads else 1

    def _one(self, candidate: Candidate, scale: Scale, number: int, threads: int) -> tuple[Fitted, float]:
        started = time.monotonic()
        learn, held, features = self.shared.samples(number)
        context = context_for(self.shared, self.recipe, candidate, features)
        context = replace(context, seed=child_seed(context.seed, "fold", number), threads=threads)
        if self.most_rows is not None:
            learn, held = (taken(one, spread(len(one.target), self.most_rows)) for one in (learn, held))
        learn, held = (target_transforms.on_scale(samples, scale) for samples in (learn, held))
        return fit_model(candidate.model, learn, held, context), time.monotonic() - started


def fit_member(
    candidate: Candidate,
    fits: FoldFits,
    scale: Scale,
    budget: Budget,
    *,
    must: bool,
    bagging: bool,
    adds: Callable[[Floats], bool] | None = None,
) -> Member:
    """Fitted on all folds.

    TooLongError when the first ones show that the others don't fit into the budget, unless it `must` be fitted;
    NoGainError when it `adds` nothing by what it says of the first fold's rows.
    """
    shared, folds = fits.shared, len(fits.shared.folds)
    at_once = fits.at_once(candidate)
    processor_s = time.process_time()
    done = fits.fit(candidate, scale, range(min(at_once, folds)))
    longest = max(seconds for _, seconds in done)
    first_cost = cost_of(done[0][0], len(shared.samples(0)[2]), shared)
    bagging = bagging and mean_of_folds(candidate.model, [one for one, _ in done], first_cost.bytes) is not None
    waves = -(-(folds - len(done)) // at_once)
    if not must and not budget.fits(longest * (waves + (not bagging))):
        raise TooLongError
    if adds is not None and waves and not adds(_of_first_fold(done[0][0], scale, shared)):
        raise NoGainError
    done += fits.fit(candidate, scale, range(len(done), folds))
    slowness = max(1.0, sum(seconds for _, seconds in done) / max(time.process_time() - processor_s, SHORTEST_S))
    fitted = [one for one, _ in done]
    iterations, curve = common_iterations(fitted)
    fitted = [shortened(one, iterations) if iterations else one for one in fitted]
    started = time.monotonic()
    found = shared.collected([one.predict(shared.samples(number)[1].features) for number, one in enumerate(fitted)])
    predict_s = time.monotonic() - started
    factor, found = returned(found, scale, shared)
    started = time.monotonic()
    cost = cost_of(fitted[0], len(shared.samples(0)[2]), shared)
    compile_s = time.monotonic() - started
    kept = tuple(fitted) if shared.holdout or bagging else ()
    return Member(
        candidate,
        with_iterations(candidate.model, iterations),
        found,
        curve,
        scale,
        factor,
        iterations is not None,
        cost,
        sum(seconds for _, seconds in done),
        max(seconds for _, seconds in done),
        compile_s,
        predict_s,
        slowness,
        kept,
    )


def _of_first_fold(fitted: Fitted, scale: Scale, shared: SharedFolds) -> Floats:
    """Predictions of the rows that it holds out, on the target's own scale."""
    return returned(fitted.predict(shared.samples(0)[1].features), scale, shared, shared.first_held)[1]


def returned(found: Floats, scale: Scale, shared: SharedFolds, rows: Any = slice(None)) -> tuple[float, Floats]:
    """The factor of the way back, and predictions on the target's own scale."""
    if scale == "raw":
        return 1.0, found
    values = target_transforms.back(found, scale)
    factor = target_transforms.correction(values, shared.target[rows], shared.weights[rows])
    return factor, rescaled(None, scale, factor, shared).returned(found)


def rescaled(fitted: Any, scale: Scale, factor: float, shared: SharedFolds) -> Rescaled:
    target = shared.data.target(shared.data.learn)
    return Rescaled(fitted, scale, factor, float(target.min()), float(target.max()))


def context_for(shared: SharedFolds, recipe: Recipe, candidate: Candidate, features: Any) -> FitContext:
    context = training.context_for(shared.data, replace(recipe, model=candidate.model), features)
    return replace(context, seed=candidate.seed(recipe))


def cost_of(fitted: Fitted, width: int, shared: SharedFolds) -> GraphCost:
    """Of its part of the graph."""
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", width))
    task = shared.data.task
    width = len(shared.data.schema.classes or ()) if task.classification else len(getattr(task, "quantiles", ()))
    graph.output("scores", scores, NUMBER, ["N", width] if width else ["N"])
    return graph_cost(graph.build())
