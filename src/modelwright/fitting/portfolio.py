"""Tries models one after another on the shared folds, as long as the budget lasts and the score still moves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.core.units import format_duration
from modelwright.fitting import calibration, ensembling, scoring, target_transforms
from modelwright.fitting.budget import Budget
from modelwright.fitting.fit import fit_model
from modelwright.fitting.folds import taken
from modelwright.fitting.members import (
    Candidate,
    FoldFits,
    Member,
    TooLongError,
    context_for,
    fit_member,
    returned,
)
from modelwright.fitting.shared_folds import SharedFolds
from modelwright.fitting.target_transforms import Scale
from modelwright.fitting.training import Recipe
from modelwright.parts.base import Metric, Model
from modelwright.parts.bootstrap import Interval
from modelwright.parts.predictions import Predictions
from modelwright.parts.samples import Fitted

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

BASELINE = "prior"
MOST_EXTRA = 12  # fits from other seeds
MOVES = 2e-4  # by which part of itself the loss must fall, for another seed to be worth its time
PROBE_FOLDS = 2  # that say which scale of the target is learnt
COMPILED_AND_CHECKED = 6.0  # times as long as compiling a graph once: it is loaded, and held against the models
MORE_ROWS = 1.25  # than a fold learns from, in the final fit
FEW_LEARN_ROWS, PROBE_ROWS = 8_000, 2_000  # above, a kind of model shows its cost on some rows first
STEEPER = 1.4  # by how much cost grows faster than rows


@dataclass(frozen=True)
class Weights:
    """What the ensemble would be: a weight for each member by name, and the loss out of fold."""

    shares: dict[str, float]
    loss: float


@dataclass
class Portfolio:
    """What was tried so far. `left_out` says why a candidate has no score."""

    shared: SharedFolds
    recipe: Recipe
    budget: Budget
    bagging: bool  # the final model of boosted trees is the mean of those of the folds
    most_bytes: float
    progress: Progress
    members: list[Member] = field(default_factory=list)
    intervals: dict[str, Interval] = field(default_factory=dict)
    left_out: list[tuple[Candidate, str]] = field(default_factory=list)
    scale: Scale | None = None
    scale_probed: bool = False
    ended: str = "all models were tried"

    @property
    def metric(self) -> Metric:
        return scoring.deciding_metric(self.shared.data.task)

    def member(self, name: str) -> Member:
        return next(one for one in self.members if one.name == name)

    @property
    def real(self) -> list[Member]:
        """Without the baseline, and without what alone would be too large."""
        return [one for one in self.members if one.model.kind != BASELINE and self.final_bytes(one) <= self.most_bytes]

    def final_bytes(self, member: Member) -> int:
        return member.cost.bytes * max(1, len(member.fitted))

    def try_all(self, models: Sequence[Model], most: int | None) -> None:
        """Each model once; the first that can be fitted always finishes."""
        candidates = list(named(models))
        for candidate in candidates[:most]:
            self.attempt(candidate)
        self.left_out += [(one, f"max_models is {most}") for one in candidates[most or len(candidates) :]]

    def try_seeds(self, most: int | None) -> None:
        """More seeds of what the ensemble relies on, while its loss still falls."""
        idle = 0
        for _ in range(MOST_EXTRA):
            if not self.real or self.budget.stopped or idle == 2 or (most is not None and len(self.members) >= most):
                return
            before = self.weights()
            again = self._reseeded(before)
            if again is None or not self.attempt(again):
                return
            idle = 0 if self.weights().loss < before.loss * (1 - MOVES) else idle + 1
            self.ended = "more seeds no longer helped" if idle == 2 else self.ended

    def attempt(self, candidate: Candidate) -> bool:
        """Whether it was fitted and scored."""
        must = not any(one.model.kind != BASELINE for one in self.members)
        try:
            if not must and not self.budget.fits(self._first_fold_s(candidate)):
                raise TooLongError
            member = self._fitted(candidate, must)
            scoring.finite_score(self.metric, self.shared.predictions(member.predictions))
        except TooLongError:
            if not self.budget.stopped:
                self.ended = "the budget was spent"
            if not candidate.round:  # that there was no time for yet another seed goes without saying
                self.left_out.append((candidate, self._why()))
            return False
        except ModelwrightError as error:
            self.left_out.append((candidate, str(error.problems[0])))
            return False
        except KeyboardInterrupt:
            if must:
                raise
            self.budget.stopped, self.ended = True, "interrupted: partial"
            self.progress.say("interrupted: what was found so far is kept; --force trains again")
            self.left_out.append((candidate, self._why()))
            return False
        self.members.append(member)
        self._tell(member)
        self.budget.reserved_s = self._final_s()
        return True

    def _why(self) -> str:
        return "interrupted" if self.budget.stopped else f"the budget of {self.budget.seconds:g} s would not suffice"

    def _fitted(self, candidate: Candidate, must: bool) -> Member:
        fits = FoldFits(self.shared, self.recipe)
        known: list[tuple[Fitted, float]] = []
        if self.scale is None:
            if self.shared.data.task.classification or candidate.model.kind == BASELINE:
                return fit_member(candidate, fits, "raw", self.budget, must=must, bagging=self.bagging)
            self.scale, known = self._probed(candidate, fits)
        scale: Scale = "raw" if candidate.model.kind == BASELINE else self.scale
        return fit_member(candidate, fits, scale, self.budget, must=must, bagging=self.bagging, known=known)

    def _probed(self, candidate: Candidate, fits: FoldFits) -> tuple[Scale, list[tuple[Fitted, float]]]:
        """The scale of the target that scores best on some folds, and their fits."""
        numbers = range(min(PROBE_FOLDS, len(self.shared.folds)))
        held = np.logical_or.reduce([self.shared.folds[number].held for number in numbers])
        rows = held[self.shared.predicted]
        best: Scale = "raw"
        found: dict[Scale, list[tuple[Fitted, float]]] = {}
        predictions: dict[Scale, Predictions] = {}
        for scale in target_transforms.scales_to_probe(self.shared.data.target(self.shared.data.learn)):
            if found and not self.budget.fits(sum(seconds for _, seconds in found["raw"]) * len(self.shared.folds) / 2):
                break
            found[scale] = fits.fit(candidate, scale, numbers)
            whole = np.zeros(len(held))
            for number, (fitted, _) in zip(numbers, found[scale], strict=True):
                whole[self.shared.folds[number].held] = fitted.predict(self.shared.samples(number)[1].features)
            _, values = returned(whole[held], scale, self.shared, rows)
            scores = np.zeros(len(rows))
            scores[rows] = values
            predictions[scale] = self.shared.predictions(scores, rows)
            seed = child_seed(self.recipe.seed, "target scale")
            gain, error = ensembling.advantage(self.metric, predictions[scale], predictions[best], seed)
            best = scale if gain > error else best
        self.scale_probed = len(found) > 1
        if self.scale_probed:
            self.progress.say(
                f"the target leans to the right; it is learnt {'as it is' if best == 'raw' else f'as {best}'}"
            )
        return best, found[best]

    def _first_fold_s(self, candidate: Candidate) -> float:
        """What one fold will take: as long as one of its kind did; of a new kind, what some rows foretell."""
        folds = len(self.shared.folds)
        alike = [one.fit_s / folds for one in self.members if one.model.kind == candidate.model.kind]
        if alike:
            return max(alike)
        rows = int(self.shared.folds[0].learn.sum())
        if rows <= FEW_LEARN_ROWS or candidate.model.kind == BASELINE:
            return 0.0
        learn, held, features = self.shared.samples(0)
        some, other = (
            taken(samples, np.linspace(0, len(samples.target) - 1, PROBE_ROWS).astype(np.int64))
            for samples in (learn, held)
        )
        started = time.monotonic()
        try:
            fit_model(candidate.model, some, other, context_for(self.shared, self.recipe, candidate, features))
        except DataError:  # these rows lack a class, perhaps; then the first fold itself will tell
            return 0.0
        return (time.monotonic() - started) * (rows / PROBE_ROWS) * STEEPER

    def _final_s(self) -> float:
        """What the final fits and the graph of the present ensemble will take."""
        folds = len(self.shared.folds)
        if not self.real:
            return 0.0
        members = [self.member(name) for name, share in self.weights().shares.items() if share]
        compiling = sum(one.compile_s * max(1, len(one.fitted)) for one in members) * COMPILED_AND_CHECKED
        return compiling + sum(one.fit_s / folds * MORE_ROWS for one in members if not one.fitted)

    def weights(self) -> Weights:
        """The ensemble of the members so far, within the bytes that are allowed."""
        members = self.real
        rows = self._weighing_rows()
        share = self.shared.weights[rows] / self.shared.weights[rows].sum()
        while True:
            found = ensembling.greedy_weights([self._shown(one)[rows] for one in members], self._losses(rows), share)
            used = [(one, weight) for one, weight in zip(members, found, strict=True) if weight]
            if sum(self.final_bytes(one) for one, _ in used) <= self.most_bytes:
                total = ensembling.weighted_mean([self._shown(one)[rows] for one, _ in used], [w for _, w in used])
                return Weights({one.name: weight for one, weight in used}, float(share @ self._losses(rows)(total)))
            least = min(used, key=lambda entry: entry[1])[0]
            members = [one for one in members if one is not least]

    def _weighing_rows(self) -> slice:
        return slice(None, None, -(-len(self.shared.target) // ensembling.MOST_ROWS))

    def _shown(self, member: Member) -> Floats:
        """[n] what decides a row's loss: the probability of its true class, or its value."""
        if not self.shared.data.task.classification:
            return member.predictions
        found: Floats = member.predictions[np.arange(len(self.shared.target)), self.shared.target.astype(np.int64)]
        return found

    def _losses(self, rows: slice) -> ensembling.RowLosses:
        if self.shared.data.task.classification:
            return lambda shown: -np.log(np.clip(shown, calibration.SMALLEST, 1.0))
        target = self.shared.target[rows]
        if self.metric.kind == "mae":
            return lambda shown: np.abs(shown - target)
        return lambda shown: (shown - target) ** 2

    def _reseeded(self, weights: Weights) -> Candidate | None:
        """The one with the largest share of those that were fitted least often, from another seed."""
        rounds: dict[str, list[Candidate]] = {}
        shares: dict[str, float] = {}
        for one in self.members:
            base = one.candidate.base
            rounds.setdefault(base, []).append(one.candidate)
            shares[base] = shares.get(base, 0.0) + weights.shares.get(one.name, 0.0)
        open_ = [base for base in rounds if shares[base] and rounds[base][0].model.seeded]
        if not open_:
            return None
        base = min(open_, key=lambda name: (len(rounds[name]), -shares[name]))
        number = len(rounds[base])
        return replace(rounds[base][0], name=f"{base}, seed {number + 1}", round=number)

    def _tell(self, member: Member) -> None:
        predictions = self.shared.predictions(member.predictions)
        score = scoring.score_interval(
            self.metric,
            predictions,
            resamples=ensembling.resamples_for(len(predictions)),
            confidence=0.95,
            seed=child_seed(self.recipe.seed, "leaderboard"),
        )
        self.intervals[member.name] = score
        shown = f"{score.value:.4g} ({score.low:.4g} to {score.high:.4g})"
        self.progress.say(f"{member.name}: {self.metric.kind} {shown} in {format_duration(member.fit_s)}")


def named(models: Sequence[Model]) -> Iterator[Candidate]:
    """By their kinds; a second one of a kind is numbered."""
    seen: dict[str, int] = {}
    for model in models:
        seen[model.kind] = seen.get(model.kind, 0) + 1
        number = seen[model.kind]
        yield Candidate(model.kind if number == 1 else f"{model.kind} {number}", model)
