"""Trains one model as the `train` section says: on a holdout or in folds, with or without a refit on more rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.core.errors import DataError, SpecError
from modelwright.core.progress import Progress, Silent
from modelwright.core.seeds import child_seed
from modelwright.fitting import scoring
from modelwright.fitting.features import FittedFeatures
from modelwright.fitting.fit import fit_model, seen_by
from modelwright.fitting.folds import SamplesFor, cross_validate, stopped_early, taken, with_iterations
from modelwright.fitting.prepared import Prepared
from modelwright.parts.base import Model, Validation
from modelwright.parts.folding import Fold, row_digests
from modelwright.parts.predictions import Predictions
from modelwright.parts.samples import Feature, FitContext, Fitted, Samples, Start

if TYPE_CHECKING:
    from modelwright.fitting.decisions import Decision
    from modelwright.parts.samples import Floats

Calibration = Literal["none", "auto", "sigmoid", "isotonic", "temperature", "conformal"]


@dataclass(frozen=True)
class Recipe:
    """The `train` section, resolved."""

    model: Model
    validation: Validation
    refit: Literal["none", "learn+validation"]
    seed: int
    threads: int
    calibration: Calibration | None = None  # None: as the model has it
    checkpoints: Path | None = None  # where a training that takes long leaves what it can go on from
    start: Start | None = None  # an earlier model that is continued


@dataclass(frozen=True)
class Trained:
    """A final model, and how it (or the models of the folds) did on rows they were not fitted on."""

    model: Model  # as it was chosen, for a number of iterations
    fitted: Fitted
    features: FittedFeatures
    judged: pa.Table  # the rows that were predicted: validation, or all folds
    scores: Floats  # [N] or [N, K] for them
    curve: Sequence[Mapping[str, float]]
    leaderboard: Sequence[Mapping[str, Any]]  # of a portfolio; empty: this model alone
    fitted_rows: NDArray[np.int64]  # digests of all rows that the final graph depends on
    chosen_by: Mapping[str, str]  # which rows decided what
    name: str = ""  # of what several models were made into; empty: the model's kind
    search: Mapping[str, Any] = field(default_factory=dict)  # of a portfolio: what was tried, and why it ended
    durations_s: Mapping[str, float] = field(default_factory=dict)  # of a portfolio: of each model's fit and prediction
    decision: Decision | None = None  # how labels follow from probabilities; None: the most probable class
    told: Mapping[str, Any] = field(default_factory=dict)  # of what was done around the fit, for model.json and reports


def train(data: Prepared, recipe: Recipe, progress: Progress) -> Trained:
    """One model; see `auto.choose` for the best of several.

    SpecError or DataError when the model, the split and the rows do not go together."""
    data.task.check_target(data.schema)
    folds = data.divided(recipe.validation, recipe.seed)
    if folds is not None and not data.task.supervised:
        raise SpecError(
            f"{data.task.kind} has no target whose values folds could be asked for",
            where="train.validation",
            hint="{kind: holdout} measures it on the validation rows",
        )
    if folds is None and not data.validation.num_rows:
        raise DataError(
            "there are no validation rows",
            hint="give prepare.split a validation share, or use train.validation: {kind: kfold}",
        )
    trained = _holdout(data, recipe, progress) if folds is None else _folded(data, recipe, folds, progress)
    if recipe.refit == "none":
        return trained
    data = replace(data)  # so that the matrices of before are not in memory beside the one of all rows
    return refitted(data, recipe, trained, progress)


def _holdout(data: Prepared, recipe: Recipe, progress: Progress) -> Trained:
    validation, learn = data.validation_samples, data.learn_samples  # the large one last: it tidies up
    context = context_for(data, recipe, data.features.features, progress)
    fitted = data.task.completed(fit_model(recipe.model, learn, validation, context), learn)
    model = with_iterations(recipe.model, fitted.notes.get("iterations"))
    chosen = {"features": "learn", "model": "learn", "scores": recipe.validation.scored}
    stopped = stopped_early(fitted)
    if stopped:
        chosen["iterations"] = "validation"
    scores, used = fitted.predict(validation.features), fitted_digests(data.pool_keys if stopped else data.learn)
    return Trained(model, fitted, data.features, data.validation, scores, fitted.curve, (), used, chosen)


def _folded(data: Prepared, recipe: Recipe, folds: Sequence[Fold], progress: Progress) -> Trained:
    pool = data.pool
    strict = recipe.validation.strict or data.features.supervised
    context = context_for(data, recipe, data.features.features)
    outside = cross_validate(recipe.model, strictly(data) if strict else plainly(data), folds, context, progress)
    scored = recipe.validation.scored
    chosen = {"features": "learn", "model": "learn", "scores": scored}
    chosen["features of each fold"] = "the rows that it learns from" if strict else "learn"
    if outside.iterations:
        chosen["iterations"] = scored
    model = with_iterations(recipe.model, outside.iterations)
    fitted = fit_model(model, data.learn_samples, None, context)
    used = fitted_digests(pool if outside.iterations else data.learn)
    judged = pool.filter(pa.array(outside.rows))
    return Trained(model, fitted, data.features, judged, outside.predictions, outside.curve, (), used, chosen)


def plainly(data: Prepared) -> SamplesFor:
    """Features as fitted on learn, for every fold."""
    samples, features = data.pool_samples, data.features.features
    return lambda fold: (taken(samples, fold.learn), taken(samples, fold.held), features)


def strictly(data: Prepared) -> SamplesFor:
    """Features fitted on the rows of each fold that are learnt from."""
    pool = data.pool

    def samples_for(fold: Fold) -> tuple[Samples, Samples, tuple[Feature, ...]]:
        features, learn = data.fitted_on(pool.filter(pa.array(fold.learn)))
        return learn, data.samples(pool.filter(pa.array(fold.held)), features), features.features

    return samples_for


def refitted(data: Prepared, recipe: Recipe, trained: Trained, progress: Progress) -> Trained:
    """The same choices, on learn and validation: features and model are built anew."""
    progress.say("fitting features and model again on learn and validation")
    pool = data.pool
    features, samples = data.fitted_on(pool)
    fitted = fit_model(trained.model, samples, None, context_for(data, recipe, features.features, progress))
    fitted = data.task.completed(fitted, samples)
    chosen = {**trained.chosen_by, "features": "learn and validation", "model": "learn and validation"}
    return replace(trained, fitted=fitted, features=features, fitted_rows=fitted_digests(pool), chosen_by=chosen)


def context_for(
    data: Prepared, recipe: Recipe, features: tuple[Feature, ...], progress: Progress | None = None
) -> FitContext:
    return FitContext(
        task=data.task.kind,
        n_classes=len(data.schema.classes or ()) if data.task.classification else 0,
        features=features,
        metric=scoring.deciding_metric(data.task).kind,
        seed=child_seed(recipe.seed, "train", recipe.model.kind),
        threads=recipe.threads,
        quantiles=getattr(data.task, "quantiles", ()),
        start=recipe.start,
        progress=progress or Silent(),
        checkpoints=recipe.checkpoints,
    )


def judged(data: Prepared, trained: Trained) -> Predictions:
    """What was said of the rows that say how good the model is."""
    features = None
    if data.task.in_feature_space:
        features = seen_by(trained.fitted, trained.features.transform(trained.judged))
    return scoring.of_scores(data.task, data.schema, trained.judged, trained.scores, features)


def fitted_digests(table: pa.Table) -> NDArray[np.int64]:
    """Sorted, each once."""
    digests = np.sort(row_digests(table))  # `np.unique` keeps them in a set, several times as large
    new: NDArray[np.bool_] = np.append(True, digests[1:] != digests[:-1])[: len(digests)]
    return digests[new]
