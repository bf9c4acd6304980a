"""Gradient boosted trees with native categories and missing values: the model to beat on tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from modelwright.parts.base import FitContext, Fitted, Metric, Model, Samples
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.base import Floats

OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
# What says when to stop. Ranks and labels stand still while probabilities still improve, and would stop a model far
# too early; so classes stop by their loss, whatever `task.metric` chooses models by.
WATCHED = {"binary": ("log_loss",), "multiclass": ("log_loss",), "regression": ("rmse", "mae")}
FEW_CELLS = 500_000  # of the matrix; on fewer, threads wait for each other longer than they work


class LightGBM(Model):
    """LightGBM (Ke et al., NeurIPS 2017). Choose it for tables of mixed columns; it needs no imputation or encoding.

    With validation rows it stops when its loss on them no longer falls; for regression, rmse or mae as `task.metric`.
    """

    kind: Literal["lightgbm"] = "lightgbm"
    iterations: int = Field(500, ge=1, le=20_000, description="Most trees (per class).")
    learning_rate: float = Field(0.05, gt=0, le=1, description="Weight of each tree.")
    leaves: int = Field(31, ge=2, le=4096, description="Most leaves of a tree.")
    max_depth: int | None = Field(None, ge=1, le=64, description="Most splits from root to leaf.")
    min_leaf_rows: int = Field(20, ge=1, description="Fewest rows in a leaf.")
    feature_fraction: float = Field(0.7, gt=0, le=1, description="Share of features that each tree sees.")
    bagging_fraction: float = Field(0.9, gt=0, le=1, description="Share of rows that each tree sees.")
    l1: float = Field(0, ge=0, description="L1 penalty on leaf values.")
    l2: float = Field(1, ge=0, description="L2 penalty on leaf values.")
    early_stopping_rounds: int | None = Field(50, ge=1, description="Trees without gain before it stops; null: never.")

    tasks: ClassVar[frozenset[str]] = frozenset(OBJECTIVES)
    search_space: ClassVar[Mapping[str, Any]] = {
        "learning_rate": {"low": 0.01, "high": 0.3, "log": True},
        "leaves": {"low": 8, "high": 256, "log": True, "type": "int"},
        "min_leaf_rows": {"low": 5, "high": 200, "log": True, "type": "int"},
        "feature_fraction": {"low": 0.3, "high": 1.0},
        "bagging_fraction": {"low": 0.5, "high": 1.0},
        "l2": {"low": 0.001, "high": 100.0, "log": True},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import lightgbm

        threads = context.threads if learn.features.size > FEW_CELLS else 1
        settings = self._settings(replace(context, threads=threads))
        categories = [at for at, feature in enumerate(context.features) if feature.cardinality is not None]
        data = _dataset(learn, settings, categories)
        if validation is None:
            booster = lightgbm.train(settings, data, self.iterations)
            count = booster.current_iteration()
            return FittedLightGBM(booster, count, context, {"iterations": count}, ())
        metric = _watched(context)
        recorded: dict[str, Any] = {}
        callbacks = [lightgbm.record_evaluation(recorded)]
        if self.early_stopping_rounds:
            callbacks.append(lightgbm.early_stopping(self.early_stopping_rounds, verbose=False))
        with one_thread():  # the metric; LightGBM itself uses as many as the settings say
            booster = lightgbm.train(
                settings,
                data,
                self.iterations,
                valid_sets=[_dataset(validation, settings, categories, data)],
                valid_names=["validation"],
                feval=_evaluation(metric, validation, context),
                callbacks=callbacks,
            )
        values = recorded["validation"][metric.kind]
        best = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        notes: dict[str, Any] = {"iterations": best}
        if self.early_stopping_rounds:
            greater = metric.direction == "higher"
            notes |= {"stopping_metric": metric.kind, "greater_is_better": greater, "iterations_tried": len(values)}
        curve = [{"iteration": at + 1.0, "validation": float(value)} for at, value in enumerate(values)]
        return FittedLightGBM(booster, best, context, notes, curve)

    def _settings(self, context: FitContext) -> dict[str, Any]:
        return {
            "objective": OBJECTIVES[context.task],
            "num_class": context.n_classes if context.task == "multiclass" else 1,
            "metric": "None",  # its own add up in an order that depends on the number of threads; see `_evaluation`
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "max_depth": self.max_depth or -1,
            "min_data_in_leaf": self.min_leaf_rows,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1 if self.bagging_fraction < 1 else 0,
            "lambda_l1": self.l1,
            "lambda_l2": self.l2,
            "seed": context.seed,
            "num_threads": context.threads,
            "deterministic": True,
            "force_col_wise": True,  # row-wise histograms add up in an order that depends on the number of threads
            "feature_pre_filter": False,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class FittedLightGBM:
    booster: Any
    iterations: int
    context: FitContext
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]

    @property
    def importance(self) -> Mapping[str, float] | None:
        """Share of the total gain."""
        gains = self.booster.feature_importance("gain", iteration=self.iterations)
        total = gains.sum() or 1.0
        return {feature.name: float(gain / total) for feature, gain in zip(self.context.features, gains, strict=True)}

    def truncated(self, iterations: int) -> FittedLightGBM:
        """The same model after fewer (or, if they were computed, more) trees."""
        count = min(iterations, self.booster.current_iteration())
        return replace(self, iterations=count, notes={**self.notes, "iterations": count})

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        scores = np.asarray(self.booster.predict(features, num_iteration=self.iterations, num_threads=1))
        return _of_classes(scores, self.context.task)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady
        from modelwright.graph.tree_sources import lightgbm_trees
        from modelwright.graph.trees import ensemble

        trees = lightgbm_trees(self.booster.dump_model(num_iteration=self.iterations))
        task = self.context.task
        outputs = self.context.n_classes if task == "multiclass" else 1
        raw = ensemble(graph, features, trees, [at % outputs for at in range(len(trees))], outputs)
        if task == "multiclass":
            return steady.softmax(graph, raw, outputs)
        column = graph.op("Squeeze", raw, np.array([1]))
        return column if task == "regression" else steady.both_classes(graph, steady.sigmoid(graph, column))

    def save_native(self, folder: Path) -> None:
        text = self.booster.model_to_string(num_iteration=self.iterations)
        folder.mkdir(parents=True, exist_ok=True)
        # How many threads fitted it makes no difference, so it shall make none to the file.
        (folder / "lightgbm.txt").write_text(re.sub(r"\[num_threads: -?\d+\]\n", "", text), encoding="utf-8")


def _watched(context: FitContext) -> Metric:
    from modelwright.parts import catalog

    known = WATCHED[context.task]
    kind = context.metric if context.metric in known else known[0]
    return cast(Metric, catalog.load("metrics", kind)(kind=kind)).made_for(context.task)


def _evaluation(metric: Metric, validation: Samples, context: FitContext) -> Callable[..., tuple[str, float, bool]]:
    """The metric as everything else computes it, so with the same bits for any number of threads."""
    import numpy as np

    from modelwright.parts.predictions import Predictions

    weights = np.ones(len(validation.target)) if validation.weights is None else validation.weights

    def evaluate(scores: Floats, _: Any) -> tuple[str, float, bool]:
        found = _of_classes(np.asarray(scores), context.task)
        classes = found if context.n_classes else None
        label = None if classes is None else classes.argmax(axis=1).astype(np.float64)
        predictions = Predictions(validation.target, label, classes, found)
        score = metric.score(validation.target, predictions.needed_by(metric), weights[None, :])[0]
        return metric.kind, float(score), metric.direction == "higher"

    return evaluate


def _of_classes(scores: Floats, task: str) -> Floats:
    """LightGBM's answer as probabilities [N, K], or values [N]."""
    import numpy as np

    return np.stack([1 - scores, scores], axis=1) if task == "binary" else scores


def _dataset(samples: Samples, settings: Mapping[str, Any], categories: list[int], reference: Any = None) -> Any:
    import lightgbm

    return lightgbm.Dataset(
        samples.features,
        samples.target,
        weight=samples.weights,
        reference=reference,
        categorical_feature=categories,
        params={key: settings[key] for key in ("verbosity", "num_threads", "deterministic", "feature_pre_filter")},
    )


PART = LightGBM
