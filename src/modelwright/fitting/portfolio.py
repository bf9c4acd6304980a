"""Tries models one after another on the shared folds, as long as the budget lasts and the score still moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from modelwright.core.errors import ModelwrightError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.core.units import format_duration
from modelwright.fitting import calibration, costs, ensembling, first_model, first_pass, scoring, target_scale
from modelwright.fitting.budget import Budget
from modelwright.fitting.first_model import Pace
from modelwright.fitting.members import (
    Candidate,
    FoldFits,
    Member,
    NoGainError,
    TooLongError,
    fit_member,
)
from modelwright.fitting.shared_folds import SharedFolds
from modelwright.fitting.target_transforms import Scale
from modelwright.fitting.training import Recipe
from modelwright.parts.base import Metric, Model
from modelwright.parts.bootstrap import Interval
from modelwright.parts.metrics.pinball import Pinball

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.samples import Floats

Rows: TypeAlias = "slice | NDArray[np.bool_]"
BASELINE = "prior"
MOST_EXTRA = 12  # fits from other seeds
GAIN = 1e-3  # by which part of itself the loss must fall on the first fold, where there is no time for all models
MOVES = 2e-4  # by which part of itself the loss must fall, for another seed to be worth its time


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
    hurried: str = ""  # how the first model was bounded, so that it fits into the budget

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
        waiting, competed = candidates[:most], False
        while waiting:
            if not competed and self.real:
                waiting, competed = self._worth_all_rows(waiting), True
            short = not self.budget.fits(sum(costs.member_s(one, self.members, self._fits) for one in waiting))
            self.attempt(waiting.pop(0), choosy=short)
        self.left_out += [(one, f"max_models is {most}") for one in candidates[most or len(candidates) :]]

    def _worth_all_rows(self, candidates: list[Candidate]) -> list[Candidate]:
        """All, if the budget is expected to hold them; else those that are better on some of the rows."""
        real = [one for one in candidates if one.model.kind != BASELINE]
        rows = first_pass.rows_to_compete_on(real, self.members, self._fits, self.budget)
        if rows is None:
            return candidates
        self.progress.say(f"{len(real)} models are compared on {rows:,} rows first: there is no time for all of them")
        try:
            left_out = first_pass.compete(real, self._fits, self.scale or "raw", self.metric, self.budget, rows)
        except KeyboardInterrupt:
            self._interrupted()
            return candidates
        self.left_out += left_out
        behind = [one for one, _ in left_out]
        return [one for one in candidates if one not in behind]

    def _interrupted(self) -> None:
        self.budget.stopped, self.ended = True, "interrupted: partial"
        self.progress.say("interrupted: what was found so far is kept; --force trains again")

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

    def attempt(self, candidate: Candidate, *, choosy: bool = False) -> bool:
        """Whether it was fitted and scored. A `choosy` one ends after the first folds without a gain there."""
        must = not any(one.model.kind != BASELINE for one in self.members)
        try:
            if not must and candidate.model.kind != BASELINE:
                self._expect_time(candidate)
            member = self._fitted(candidate, must, choosy=choosy and bool(self.real))
            scoring.finite_score(self.metric, self.shared.predictions(member.predictions))
        except TooLongError:
            if not self.budget.stopped:
                self.ended = "the budget was spent"
            if not candidate.round:  # that there was no time for yet another seed goes without saying
                self.left_out.append((candidate, self._why()))
            return False
        except NoGainError:
            self.left_out.append((candidate, "on the first fold it adds nothing, and there is no time for all"))
            return False
        except ModelwrightError as error:
            self.left_out.append((candidate, str(error.problems[0])))
            return False
        except KeyboardInterrupt:
            if must:
                raise
            self._interrupted()
            self.left_out.append((candidate, self._why()))
            return False
        self.members.append(member)
        self._tell(member)
        self.budget.slowness = costs.slowness(self.members)
        self.budget.reserved_s = self._final_s()
        return True

    def _expect_time(self, candidate: Candidate) -> None:
        """TooLongError when it is not expected to fit into the budget."""
        if not self.budget.fits(0) or not self.budget.fits(costs.member_s(candidate, self.members, self._fits)):
            raise TooLongError

    def _why(self) -> str:
        return "interrupted" if self.budget.stopped else f"the budget of {self.budget.seconds:g} s would not suffice"

    def _fitted(self, candidate: Candidate, must: bool, *, choosy: bool) -> Member:
        is_first = must and candidate.model.kind != BASELINE
        pace = first_model.pace(candidate, self._fits) if is_first else None
        scale = self._scale(candidate, pace)
        bounded = candidate if pace is None else first_model.bounded(candidate, pace, self._fits, self.budget)
        adds = self._adds if choosy and candidate.model.kind != BASELINE else None
        member = fit_member(bounded, self._fits, scale, self.budget, must=must, bagging=self.bagging, adds=adds)
        if bounded is not candidate and first_model.was_short(bounded, member):
            self.hurried = f"{candidate.name} had {bounded.model.model_dump()['iterations']} iterations at most"
            self.progress.say(f"{self.hurried}: more would not fit into the budget of {self.budget.seconds:g} s")
        return member

    def _scale(self, candidate: Candidate, pace: Pace | None) -> Scale:
        """On which all models learn the target; the first says which."""
        if self.shared.data.task.kind != "regression" or candidate.model.kind == BASELINE:
            return "raw"
        if self.scale is None:
            best = target_scale.best_scale(candidate, self.shared, self.recipe, self.metric, pace, self.budget)
            self.scale, self.scale_probed = best or "raw", best is not None
            if best is not None:
                learnt = "as it is" if best == "raw" else f"as {best}"
                self.progress.say(f"the target leans to the right; it is learnt {learnt}")
        return self.scale

    @property
    def _fits(self) -> FoldFits:
        return FoldFits(self.shared, self.recipe)

    def _final_s(self) -> float:
        """What the final fits and the graph of the present ensemble will take."""
        if not self.real:
            return 0.0
        return costs.final_s([self.member(name) for name, share in self.weights().shares.items() if share])

    def weights(self) -> Weights:
        """The ensemble of the members so far, within the bytes that are allowed."""
        members = self.real
        rows = self._weighing_rows()
        share = self.shared.weights[rows] / self.shared.weights[rows].sum()
        while True:
            found = ensembling.greedy_weights(
                [self._shown(one.predictions)[rows] for one in members], self._losses(rows), share
            )
            used = [(one, weight) for one, weight in zip(members, found, strict=True) if weight]
            if sum(self.final_bytes(one) for one, _ in used) <= self.most_bytes:
                total = ensembling.weighted_mean(
                    [self._shown(one.predictions)[rows] for one, _ in used], [w for _, w in used]
                )
                return Weights({one.name: weight for one, weight in used}, float(share @ self._losses(rows)(total)))
            least = min(used, key=lambda entry: entry[1])[0]
            members = [one for one in members if one is not least]

    def _adds(self, found: Floats) -> bool:
        """Whether the mean of the models so far gets better with this one, which said so of the first fold's rows."""
        rows = self.shared.first_held
        share = self.shared.weights[rows] / self.shared.weights[rows].sum()
        losses = self._losses(rows)
        shown = [self._shown(one.predictions)[rows] for one in self.real]
        after = [*shown, self._shown(found, rows)]
        without, with_it = (
            float(share @ losses(ensembling.weighted_mean(all_, ensembling.greedy_weights(all_, losses, share))))
            for all_ in (shown, after)
        )
        return with_it < without * (1 - GAIN)

    def _weighing_rows(self) -> slice:
        return slice(None, None, -(-len(self.shared.target) // ensembling.MOST_ROWS))

    def _shown(self, predictions: Floats, rows: Rows = slice(None)) -> Floats:
        """[n] what decides a row's loss: the probability of its true class, or its value; of judged rows, or some."""
        if not self.shared.data.task.classification:
            return predictions
        truth = self.shared.target[rows].astype(np.int64)
        found: Floats = predictions[np.arange(len(truth)), truth]
        return found

    def _losses(self, rows: Rows) -> ensembling.RowLosses:
        if self.shared.data.task.classification:
            return lambda shown: -np.log(np.clip(shown, calibration.SMALLEST, 1.0))
        target = self.shared.target[rows]
        if self.shared.data.task.kind == "quantile":
            pinball = Pinball().asked_of(self.shared.data.task)
            return lambda shown: pinball.of_rows(target, shown)
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
