"""The mean of the models of all folds as the final model: nothing is fitted again, and it is better than one."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.fitting.adapters import Adapted
from modelwright.fitting.ensembling import Ensemble
from modelwright.fitting.quantiles import FittedQuantiles
from modelwright.parts.base import Model
from modelwright.parts.estimators.bagging import bagged
from modelwright.parts.samples import Fitted

MOST_BYTES = 1_000_000  # of one fold's graph; several of a larger one would rather be one model of all rows


def mean_of_folds(model: Model, fitted: Sequence[Fitted], fold_bytes: int) -> Fitted | None:
    """Boosted trees averaged before the link function, in one node; models that depend on a seed as their mean, if they
    are small. None for others: fitted on all rows they are about as good, and one graph instead of several."""
    trees = _mean_of_trees(fitted)
    if trees is not None:
        return trees
    if not model.seeded or fold_bytes > MOST_BYTES:
        return None
    return Ensemble(
        tuple(fitted), (1 / len(fitted),) * len(fitted), {**fitted[0].notes, "averaged_models": len(fitted)}
    )


def _mean_of_trees(fitted: Sequence[Fitted]) -> Fitted | None:
    """Of boosted trees that all see the features in the same form; where there are several quantiles, of each."""
    adapted = [one for one in fitted if isinstance(one, Adapted)]
    if len(adapted) == len(fitted) and len({one.adapter.model for one in adapted}) == 1:
        inner = _mean_of_trees([one.inner for one in adapted])
        return None if inner is None else Adapted(inner, adapted[0].adapter)
    quantiles = [one for one in fitted if isinstance(one, FittedQuantiles)]
    if len(quantiles) == len(fitted):
        of_each = [bagged(members) for members in zip(*(one.members for one in quantiles), strict=True)]
        means = tuple(mean for mean in of_each if mean is not None)
        return FittedQuantiles(means, quantiles[0].levels) if len(means) == len(of_each) else None
    return bagged(fitted)
