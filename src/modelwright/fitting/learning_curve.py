"""Would more rows help? The model fitted on more and more of learn, each time scored on the same other rows.

Perlich, Provost and Simonoff, Tree Induction vs. Logistic Regression: A Learning-Curve Analysis (JMLR 2003).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.fitting import ensembling, scoring
from modelwright.fitting.fit import fit_model
from modelwright.fitting.folds import taken
from modelwright.fitting.prepared import Prepared
from modelwright.fitting.training import Recipe, Trained, context_for
from modelwright.parts.folding import mixed
from modelwright.parts.predictions import Predictions

if TYPE_CHECKING:
    from modelwright.parts.base import Model

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
RESAMPLES, CONFIDENCE = 300, 0.95
FEWEST_ROWS = 10


def learning_curve(data: Prepared, recipe: Recipe, trained: Trained, progress: Progress) -> dict[str, Any]:
    """The deciding metric with its interval on the validation rows, for five sizes of learn; each holds the smaller
    ones. Features are those fitted on learn, and the number of iterations is that of the final model.

    DataError when there are no validation rows.
    """
    if not data.validation.num_rows:
        raise DataError(
            "there are no validation rows to score a learning curve on",
            where="train.learning_curve",
            hint="give prepare.split a validation share",
        )
    model, metric = _one_model(data, trained), scoring.deciding_metric(data.task)
    context = context_for(data, replace(recipe, model=model, start=None), data.features.features)
    order = np.argsort(mixed(data.fold_rows.keys()[: data.learn.num_rows], child_seed(recipe.seed, "curve")))
    points: list[dict[str, Any]] = []
    said: dict[float, Predictions] = {}
    with progress.track(f"learning curve of {model.kind}", len(SHARES)) as advance:
        for share in SHARES:
            rows = np.sort(order[: round(share * len(order))])
            point: dict[str, Any] = {"rows": len(rows), "score": None}
            points.append(point)
            try:
                found = _said(data, model, rows, context) if len(rows) >= FEWEST_ROWS else None
            except DataError as error:  # one class only, say
                point["why"] = str(error).splitlines()[0]
                found = None
            if found is not None:
                said[share] = found
                seed = child_seed(recipe.seed, "curve", "bootstrap")
                score = scoring.score_interval(metric, found, resamples=RESAMPLES, confidence=CONFIDENCE, seed=seed)
                point["score"] = score.to_dict()
            advance(1)
    return {
        "metric": metric.kind,
        "direction": metric.direction,
        "model": model.kind,
        "scored_on": "validation",
        "points": points,
        "last_doubling": _last_doubling(metric, said, recipe.seed),
    }


def _one_model(data: Prepared, trained: Trained) -> Model:
    """The final model, or of a portfolio's mean the first of its models."""
    candidates = trained.model.candidates(data.task.of_models)
    return trained.model if candidates == (trained.model,) else candidates[0]


def _said(data: Prepared, model: Model, rows: Any, context: Any) -> Predictions:
    fitted = fit_model(model, taken(data.learn_samples, rows), None, context)
    scores = fitted.predict(data.validation_samples.features)
    return scoring.of_scores(data.task, data.schema, data.validation, scores)


def _last_doubling(metric: Any, said: dict[float, Predictions], seed: int) -> dict[str, float] | None:
    """What the second half of the rows gained, and that gain's standard error; both scored on the same drawn rows."""
    if 0.5 not in said or 1.0 not in said:
        return None
    gain, error = ensembling.advantage(metric, said[1.0], said[0.5], child_seed(seed, "curve", "doubling"))
    return {"gain": gain, "standard_error": error}
