"""The rows by which all models of a portfolio are scored: the same folds for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.core.errors import DataError
from modelwright.fitting import scoring, training
from modelwright.fitting.prepared import Prepared
from modelwright.parts.base import Validation
from modelwright.parts.folding import Fold
from modelwright.parts.predictions import Predictions
from modelwright.parts.samples import Feature, Samples

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

FEW_OUTPUTS, MANY_FOLDS = 6_000, 8  # rows times classes; below, the rows that a fold does not see are missed
KEPT_CELLS = 50_000_000  # of feature matrices that are made anew for each fold; more are made again for each model


@dataclass(frozen=True)
class SharedFolds:
    """`folds` divide learn and validation together; with a holdout the only one learns from learn."""

    data: Prepared
    folds: Sequence[Fold]
    holdout: bool
    strict: bool  # features are fitted inside each fold

    @cached_property
    def predicted(self) -> NDArray[np.bool_]:
        """[N] of learn and validation: the rows that some fold holds out."""
        found: NDArray[np.bool_] = np.logical_or.reduce([fold.held for fold in self.folds])
        return found

    @cached_property
    def first_held(self) -> NDArray[np.bool_]:
        """[n] of the judged rows: those that the first fold holds out."""
        held: NDArray[np.bool_] = self.folds[0].held[self.predicted]
        return held

    @cached_property
    def judged(self) -> pa.Table:
        return self.data.pool.filter(pa.array(self.predicted))

    @cached_property
    def target(self) -> Floats:
        return self.data.target(self.judged)

    @cached_property
    def weights(self) -> Floats:
        """[n] summing to 1."""
        found = scoring.weights_of(self.judged, self.data.schema)
        weights = np.ones(self.judged.num_rows) if found is None else found
        share: Floats = weights / weights.sum()
        return share

    @property
    def complementary(self) -> bool:
        """Whether each fold learns from all rows that it does not hold out, so that together they learn from all."""
        return not self.holdout and all((fold.learn ^ fold.held).all() for fold in self.folds)

    def samples(self, number: int) -> tuple[Samples, Samples, tuple[Feature, ...]]:
        """Of a fold: what is learnt from, what is held out, and the names of the features."""
        if self._kept is not None:
            return self._kept[number]
        return self._made(number)

    @cached_property
    def _kept(self) -> list[tuple[Samples, Samples, tuple[Feature, ...]]] | None:
        cells = len(self.predicted) * len(self.data.features.features) * len(self.folds)
        if self.holdout or not self.strict or cells > KEPT_CELLS:
            return None
        return [self._made(number) for number in range(len(self.folds))]

    def _made(self, number: int) -> tuple[Samples, Samples, tuple[Feature, ...]]:
        if self.holdout:
            return self.data.learn_samples, self.data.validation_samples, self.data.features.features
        made = training.strictly(self.data) if self.strict else training.plainly(self.data)
        return made(self.folds[number])

    def collected(self, held: Sequence[Floats]) -> Floats:
        """Predictions of each fold's rows as [n] or [n, K], in the order of the rows."""
        whole = np.empty((len(self.predicted), *held[0].shape[1:]))
        for fold, values in zip(self.folds, held, strict=True):
            whole[fold.held] = values
        return whole[self.predicted]

    def predictions(self, scores: Floats, rows: NDArray[np.bool_] | None = None) -> Predictions:
        """In the form that metrics want, of all judged rows or of some."""
        found = scoring.of_scores(self.data.task, self.data.schema, self.judged, scores)
        return found if rows is None else found.take(rows)


def spread(rows: int, most: int | None) -> NDArray[np.int64]:
    """Which rows stand for all: evenly spread, at most so many."""
    return np.linspace(0, rows - 1, min(rows, most or rows)).astype(np.int64)


def shared_folds(data: Prepared, validation: Validation, seed: int) -> SharedFolds:
    """As `validation` divides learn and validation, in eight folds where rows are few and it was not told how many."""
    rows = data.learn.num_rows + data.validation.num_rows
    classes = len(data.schema.classes or ())
    if (
        rows * (classes if classes > 2 else 1) < FEW_OUTPUTS
        and validation.at_random
        and "folds" not in validation.model_fields_set
    ):
        validation = validation.model_copy(update={"folds": MANY_FOLDS})
    folds = data.divided(validation, seed)
    if folds is not None:
        return SharedFolds(data, folds, holdout=False, strict=validation.strict or data.features.supervised)
    if not data.validation.num_rows:
        raise DataError(
            "there are no validation rows",
            hint="give prepare.split a validation share, or use train.validation: {kind: kfold}",
        )
    learn = np.arange(rows) < data.learn.num_rows
    return SharedFolds(data, [Fold(learn, ~learn)], holdout=True, strict=False)
