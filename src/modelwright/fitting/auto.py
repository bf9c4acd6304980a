"""Makes the final model of a portfolio: its best member or their weighted mean, tempered, with a leaderboard of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import DataError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.fitting import ensembling, scoring, training
from modelwright.fitting.budget import Budget
from modelwright.fitting.calibration import Tempered, best_temperature, tempered
from modelwright.fitting.ensembling import Ensemble
from modelwright.fitting.features import FittedFeatures
from modelwright.fitting.fit import fit_model
from modelwright.fitting.fold_means import mean_of_folds
from modelwright.fitting.leaderboard import Choice, durations, leaderboard
from modelwright.fitting.members import Member, context_for, rescaled
from modelwright.fitting.portfolio import Portfolio
from modelwright.fitting.prepared import Prepared
from modelwright.fitting.shared_folds import SharedFolds, shared_folds
from modelwright.fitting.target_transforms import on_scale
from modelwright.fitting.training import Recipe, Trained
from modelwright.parts.base import Metric, Model
from modelwright.parts.models.auto import Auto
from modelwright.parts.samples import Fitted, Samples

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

WORTH_TEMPERING = 0.005  # by which a temperature must differ from 1
DEVIATIONS = 1.96  # from the middle of an interval of 95 % to its ends
MEGABYTE = 1_000_000


def choose(data: Prepared, recipe: Recipe, models: Sequence[Model], progress: Progress) -> Trained:
    """The best of `models` by `task.metric` on the rows that `validation` holds out, or an ensemble of them where that
    is better by more than one standard error.

    Models are tried in order until the next one is not expected to fit into the budget; the first always is.
    DataError when none can be fitted.
    """
    data.task.check_target(data.schema)
    wishes = _Wishes.of(recipe.model)
    shared = shared_folds(data, recipe.validation, recipe.seed)
    bagging = (
        wishes.prefer == "accuracy"
        and recipe.refit == "learn+validation"
        and shared.complementary
        and not shared.strict
    )
    if isinstance(recipe.model, Auto):
        models = recipe.model.for_rows(models, int(shared.folds[0].learn.sum()), len(data.schema.classes or ()))
    portfolio = Portfolio(shared, recipe, Budget(wishes.budget_s), bagging, wishes.max_mb * MEGABYTE, progress)
    with progress.track(f"{len(shared.folds)} fold{'s' * (len(shared.folds) > 1)}, {wishes.budget_s:g} s"):
        portfolio.try_all(models, wishes.max_models)
        if wishes.prefer == "accuracy":
            portfolio.try_seeds(wishes.max_models)
    if not portfolio.members:
        candidate, reason = portfolio.left_out[0]
        raise DataError(f"no candidate could be fitted; {candidate.model.kind}: {reason}")
    choice = _chosen(portfolio, wishes.prefer)
    progress.say(f"chosen: {choice.name}, {choice.why}")
    return _finished(portfolio, choice)


@dataclass(frozen=True)
class _Wishes:
    """What a portfolio's keys say; one that lacks a key does not limit it."""

    budget_s: float
    prefer: str
    max_models: int | None
    max_mb: float

    @classmethod
    def of(cls, model: Model) -> _Wishes:
        return cls(
            getattr(model, "budget_s", float("inf")),
            getattr(model, "prefer", "accuracy"),
            getattr(model, "max_models", None),
            getattr(model, "max_mb", float("inf")),
        )


def _chosen(portfolio: Portfolio, prefer: str) -> Choice:
    ranked = _ranked(portfolio)
    best = ranked[0]
    if prefer in ("speed", "size"):
        score = portfolio.intervals[best.name]
        error = (score.high - score.low) / (2 * DEVIATIONS)  # the rule of Breiman et al., CART (1984)
        within = [one for one in ranked if abs(portfolio.intervals[one.name].value - score.value) <= error]
        chosen = min(within, key=lambda one: one.cost.bytes if prefer == "size" else one.cost.row_us)
        return Choice((chosen,), (1.0,), chosen.predictions, f"of the best within one standard error, by {prefer}")
    alone = Choice((best,), (1.0,), best.predictions, "the best single model")
    if prefer == "interpretable" or len(portfolio.real) < 2:
        return alone
    shares = portfolio.weights().shares
    members = tuple(one for one in portfolio.members if one.name in shares)
    parts = tuple(shares[one.name] for one in members)
    if len(members) < 2:
        return alone
    together = ensembling.weighted_mean([one.predictions for one in members], parts)
    if not _beats(portfolio, together, best.predictions):
        return replace(alone, why="the best single model: an ensemble is not better by more than one standard error")
    return Choice(members, parts, together, "better than the best single model by more than one standard error")


def _ranked(portfolio: Portfolio) -> list[Member]:
    """The best first, equal scores in the order of the portfolio; what is too large only if nothing else is there."""
    sign = -1 if portfolio.metric.direction == "higher" else 1
    fitting = [one for one in portfolio.members if portfolio.final_bytes(one) <= portfolio.most_bytes]
    return sorted(fitting or portfolio.members, key=lambda one: sign * portfolio.intervals[one.name].value)


def _beats(portfolio: Portfolio, rival: Floats, usual: Floats) -> bool:
    """By more than one standard error of the difference, on the same rows: in `task.metric`, or in log loss where that
    is no worse. Ranks and labels are coarse; better probabilities show in the loss first."""
    gain, error = _advantage(portfolio, portfolio.metric, rival, usual)
    if gain > error or gain < 0 or not portfolio.shared.data.task.classification:
        return gain > error
    gain, error = _advantage(portfolio, _log_loss(portfolio), rival, usual)
    return gain > error


def _advantage(portfolio: Portfolio, metric: Metric, rival: Floats, usual: Floats) -> tuple[float, float]:
    shown = [portfolio.shared.predictions(scores) for scores in (rival, usual)]
    return ensembling.advantage(metric, shown[0], shown[1], child_seed(portfolio.recipe.seed, "ensemble"))


def _log_loss(portfolio: Portfolio) -> Metric:
    return scoring.metrics_named(["log_loss"], portfolio.shared.data.task)[0]


def _finished(portfolio: Portfolio, choice: Choice) -> Trained:
    """Fitted on what the spec allows; every row that chose counts as fitted on."""
    shared, recipe = portfolio.shared, portfolio.recipe
    features, samples, rows = _final_rows(shared, recipe, choice)
    parts = [_final(one, features, samples, portfolio) for one in choice.members]
    fitted: Fitted = parts[0] if len(parts) == 1 else Ensemble(tuple(parts), choice.shares, _of_what(choice, parts))
    fitted, scores = _calibrated(portfolio, fitted, choice.scores)
    main = max(zip(choice.shares, choice.members, strict=True), key=lambda entry: entry[0])[1]
    alone = len(choice.members) == 1
    return Trained(
        main.model if alone else recipe.model,
        fitted,
        features,
        shared.judged,
        scores,
        main.curve,
        leaderboard(portfolio, choice),
        training.fitted_digests(shared.data.pool),
        _chosen_by(portfolio, choice, features is shared.data.features, rows, isinstance(fitted, Tempered)),
        "" if alone else choice.name,
        _search(portfolio, choice),
        durations(portfolio),
    )


def _search(portfolio: Portfolio, choice: Choice) -> dict[str, Any]:
    """What was tried, and why it ended."""
    found = {"ended": portfolio.ended, "folds": len(portfolio.shared.folds), "models": len(portfolio.members)}
    hurried = {"hurried": portfolio.hurried} if portfolio.hurried else {}
    return {**found, "chosen": choice.why, **hurried}


def _final_rows(shared: SharedFolds, recipe: Recipe, choice: Choice) -> tuple[FittedFeatures, Samples, str]:
    data = shared.data
    if recipe.refit == "none":
        return data.features, data.learn_samples, "learn"
    if any(one.fitted for one in choice.members) and not shared.holdout:  # models of folds know these features only
        return data.features, data.pool_samples, "learn and validation"
    features, samples = data.fitted_on(data.pool)
    return features, samples, "learn and validation"


def _final(member: Member, features: FittedFeatures, samples: Samples, portfolio: Portfolio) -> Fitted:
    """The folds' models where they are to be the final one; else fitted anew, for as many iterations."""
    shared, recipe = portfolio.shared, portfolio.recipe
    fitted: Fitted | None = None
    if member.fitted and (not shared.holdout or recipe.refit == "none"):
        fitted = member.fitted[0] if shared.holdout else mean_of_folds(member.model, member.fitted, member.cost.bytes)
    if fitted is None:
        context = context_for(shared, recipe, member.candidate, features.features)
        fitted = fit_model(member.model, on_scale(samples, member.scale), None, context)
    return fitted if member.scale == "raw" else rescaled(fitted, member.scale, member.factor, shared)


def _of_what(choice: Choice, parts: Sequence[Fitted]) -> dict[str, Any]:
    return {
        "contains_rows": any(one.model.contains_rows for one in choice.members),
        "members": [
            {
                "name": one.name,
                "weight": share,
                "model": one.model.kind,
                "parameters": one.model.model_dump(mode="json", exclude={"kind"}),
                "notes": dict(part.notes),
            }
            for one, share, part in zip(choice.members, choice.shares, parts, strict=True)
        ],
    }


def _calibrated(portfolio: Portfolio, fitted: Fitted, scores: Floats) -> tuple[Fitted, Floats]:
    """Tempered, where that lowers the log loss by more than one standard error."""
    shared = portfolio.shared
    if not shared.data.task.classification or portfolio.recipe.calibration is not None:  # the spec says how
        return fitted, scores
    temperature = best_temperature(scores, shared.target, shared.weights)
    if abs(temperature - 1) < WORTH_TEMPERING:
        return fitted, scores
    better = tempered(scores, temperature)
    gain, error = _advantage(portfolio, _log_loss(portfolio), better, scores)
    if gain <= error:
        return fitted, scores
    portfolio.progress.say(f"probabilities are tempered by {temperature:.3f}")
    return Tempered(fitted, temperature, scores.shape[1]), better


def _chosen_by(portfolio: Portfolio, choice: Choice, of_learn: bool, rows: str, is_tempered: bool) -> dict[str, str]:
    """Which rows decided what."""
    shared, scored = portfolio.shared, portfolio.recipe.validation.scored
    found = {"features": "learn" if of_learn else rows, "model": rows, "scores": scored, "candidate": scored}
    if not shared.holdout:
        found["features of each fold"] = "the rows that it learns from" if shared.strict else "learn"
    if len(choice.members) > 1:
        found["weights"] = scored
    if any(one.stopped_early for one in choice.members):
        found["iterations"] = scored
    if portfolio.scale_probed:
        found["scale of the target"] = scored
    if is_tempered:
        found["temperature"] = scored
    return found
