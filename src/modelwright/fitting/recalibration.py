"""Calibrates any model's probabilities or quantiles as `train.calibration` says, on rows that it was not fitted on.

What is reported of those rows afterwards is said by calibrators that were fitted on other rows, so it does not flatter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from modelwright.core.errors import DataError
from modelwright.core.seeds import child_seed
from modelwright.fitting import ensembling, scoring
from modelwright.fitting.calibrators import KINDS, Calibrator, Kind, fit_calibrator
from modelwright.fitting.conformal import fewest_rows, fit_conformal
from modelwright.fitting.prepared import Prepared
from modelwright.fitting.training import Calibration, Trained, fitted_digests
from modelwright.parts.folding import FoldRows, evenly
from modelwright.parts.reliability import reliability
from modelwright.parts.samples import Fitted

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

Choice = Kind | Literal["conformal"]

FEWEST_ROWS = 50
PARTS = 5  # of the rows: each is mapped by what was fitted on the others


@dataclass(frozen=True)
class Calibrated:
    """A model whose probabilities are mapped, or whose quantiles are moved."""

    inner: Fitted
    calibrator: Calibrator

    @property
    def notes(self) -> Mapping[str, Any]:
        return {**self.inner.notes, "calibration": self.calibrator.kind, **self.calibrator.notes}

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return self.inner.importance

    def predict(self, features: Floats) -> Floats:
        return self.calibrator.apply(self.inner.predict(features))

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return self.calibrator.compile(graph, self.inner.compile(graph, features))

    def save_native(self, folder: Path) -> None:
        self.inner.save_native(folder)


def calibrated(data: Prepared, trained: Trained, choice: Calibration, seed: int) -> Trained:
    """The model behind its calibrator, and what is told of it.

    `auto` takes the least change whose log loss is within one standard error of the best, and leaves a model alone
    that none improves by more than one standard error. DataError when there are too few rows to say.
    """
    if choice == "none":
        return trained
    _check(trained.judged.num_rows, choice, data)
    rows = _Rows.of(data, trained, seed)
    kinds: Sequence[Choice] = KINDS if choice == "auto" else (choice,)
    held = {kind: rows.mapped(kind) for kind in kinds}
    kind = _chosen(rows, held) if choice == "auto" else kinds[0]
    told: dict[str, Any] = {"asked_for": choice, "kind": kind or "none", "rows": rows.judged.num_rows}
    told |= {"fitted_on": trained.chosen_by["scores"], "before": rows.told(trained.scores)}
    who = {**trained.chosen_by, "calibration": trained.chosen_by["scores"]}
    known = np.union1d(trained.fitted_rows, fitted_digests(trained.judged))
    if kind is None:
        told |= {"after": told["before"]}
        return replace(trained, chosen_by=who, fitted_rows=known, told={**trained.told, "calibration": told})
    calibrator = rows.fitted(kind)
    told |= {"after": rows.told(held[kind]), **calibrator.notes}
    model = Calibrated(trained.fitted, calibrator)
    found = replace(trained, fitted=model, scores=held[kind], told={**trained.told, "calibration": told})
    return replace(found, chosen_by=who, fitted_rows=known)


def _check(rows: int, choice: Calibration, data: Prepared) -> None:
    fewest = max(FEWEST_ROWS, fewest_rows(_levels(data)) if choice == "conformal" else 0)
    if rows < fewest:
        raise DataError(
            f"{rows} rows to calibrate on; at least {fewest} are needed",
            where="train.calibration",
            hint="use train.validation: {kind: kfold}, or more validation rows",
        )


def _levels(data: Prepared) -> tuple[float, ...]:
    return getattr(data.task, "quantiles", ())


@dataclass(frozen=True)
class _Rows:
    """The rows that were predicted, what was said of them, and in which of the parts each is."""

    data: Prepared
    judged: Any
    scores: Floats
    truth: Floats
    weights: Floats
    part: Any
    seed: int

    @classmethod
    def of(cls, data: Prepared, trained: Trained, seed: int) -> _Rows:
        judged, truth = trained.judged, data.target(trained.judged)
        found = scoring.weights_of(judged, data.schema)
        weights = np.ones(len(truth)) if found is None else found
        keys = FoldRows(judged, data.schema, data.task.targets[0], truth).keys()
        parts = min(PARTS, len(np.unique(keys)))
        part = evenly(keys, parts, child_seed(seed, "calibration"), truth)
        return cls(data, judged, trained.scores, truth, weights, part, seed)

    def fitted(self, kind: Choice, rows: Any = slice(None)) -> Calibrator:
        """By all of the rows, or some."""
        given = self.scores[rows], self.truth[rows], self.weights[rows]
        return fit_conformal(_levels(self.data), *given) if kind == "conformal" else fit_calibrator(kind, *given)

    def mapped(self, kind: Choice) -> Floats:
        """[N, K]: each row by a calibrator that was fitted on other parts."""
        found = np.empty_like(self.scores)
        for part in np.unique(self.part):
            held = self.part == part
            found[held] = self.fitted(kind, ~held).apply(self.scores[held])
        return found

    def told(self, scores: Floats) -> dict[str, Any]:
        """Log loss and the reliability diagram; of quantiles the task's own metrics."""
        said = scoring.of_scores(self.data.task, self.data.schema, self.judged, scores)
        if said.probability is None:
            own = scoring.default_metrics(self.data.task)
            return {metric.kind: scoring.point_score(metric, said) for metric in own}
        loss = scoring.metrics_named(["log_loss"], self.data.task)[0]
        found = reliability(said.probability, said.truth, said.weights).to_dict()
        return {"log_loss": scoring.point_score(loss, said), **found}


def _chosen(rows: _Rows, held: Mapping[Choice, Floats]) -> Choice | None:
    """By log loss on the same rows; None where no gain is clear of chance."""
    loss = scoring.metrics_named(["log_loss"], rows.data.task)[0]
    said = {
        kind: scoring.of_scores(rows.data.task, rows.data.schema, rows.judged, found) for kind, found in held.items()
    }
    as_is = scoring.of_scores(rows.data.task, rows.data.schema, rows.judged, rows.scores)
    seed = child_seed(rows.seed, "calibration", "choice")
    best = min(said, key=lambda kind: scoring.point_score(loss, said[kind]))
    gain, error = ensembling.advantage(loss, said[best], as_is, seed)
    if gain <= error:
        return None
    for kind in KINDS:
        behind, error = ensembling.advantage(loss, said[best], said[kind], seed)
        if behind <= error:
            return kind
    return best
