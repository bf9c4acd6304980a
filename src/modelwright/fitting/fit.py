"""Fits a model on prepared features, with what it needs in front of it; compiles features and model to one graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.errors import DataError, SpecError
from modelwright.fitting.adapters import Adapted, Adapter, fit_adapter
from modelwright.fitting.quantiles import fit_quantiles
from modelwright.fitting.ranks import fit_ranks
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.core.columns import Schema
    from modelwright.fitting.decisions import Decision
    from modelwright.parts.base import Task
    from modelwright.parts.samples import Floats


def fit_model(model: Model, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
    """A fitted model that takes the raw feature matrix; validation rows may only say when to stop.

    SpecError when the model can't do the task; DataError when learn can't be learnt from.
    """
    _check(model, learn, context)
    adapter = _adapter(model, learn, context)
    if adapter is None:
        return _fitted(model, learn, validation, context)
    adapted = [
        None if samples is None else replace(samples, features=adapter.apply(samples.features))
        for samples in (learn, validation)
    ]
    assert adapted[0] is not None
    inner = _fitted(model, adapted[0], adapted[1], replace(context, features=adapter.features))
    return Adapted(inner, adapter)


def _adapter(model: Model, learn: Samples, context: FitContext) -> Adapter | None:
    if model.needs and context.start is not None:
        return Adapter.of(context.start)
    return fit_adapter(model.needs, context.features, learn.features)


def _fitted(model: Model, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
    """One model, or as many simpler ones as the task is made of."""
    if context.task == "ordinal":
        return fit_ranks(model, learn, validation, context)
    if context.task == "quantile":
        return fit_quantiles(model, learn, validation, context)
    return model.fit(learn, validation, context)


def compile_model(
    features_model: bytes, fitted: Fitted, task: Task, schema: Schema, decision: Decision | None = None
) -> bytes:
    """`model.onnx`: from the columns to the task's outputs; labels as `decision` says, or the most probable ones."""
    graph = GraphBuilder()
    features = graph.inline(features_model)["features"]
    row = np.zeros((1, _width_of(features_model)))
    if task.in_feature_space:
        model, features = _in_its_space(graph, fitted, features)
        scores = model.compile(graph, features)
        graph.output("features", features, NUMBER, ["N", seen_by(fitted, row).shape[1]])
    else:
        scores = fitted.compile(graph, features)
    shape = fitted.predict(row).shape
    if len(shape) > 1:
        graph.with_width(scores, shape[1])
    if decision is None:
        task.compile(graph, scores, schema)
    else:
        decision.compile(graph, scores, schema)
    return graph.build()


def _width_of(features_model: bytes) -> int:
    return int(Scorer(features_model).widths["features"] or 0)


def seen_by(fitted: Fitted, features: Floats) -> Floats:
    """The features [N, G] as the model itself sees them: scaled, say."""
    return fitted.adapter.apply(features) if isinstance(fitted, Adapted) else features


def _in_its_space(graph: GraphBuilder, fitted: Fitted, features: str) -> tuple[Fitted, str]:
    """The model without its adapter, and what the adapter makes of the features."""
    if isinstance(fitted, Adapted):
        return fitted.inner, fitted.adapter.compile(graph, features)
    return fitted, features


def _check(model: Model, learn: Samples, context: FitContext) -> None:
    if not model.can("binary" if context.task == "ordinal" else context.task):
        able = ", ".join(sorted(model.tasks))
        raise SpecError(f"{model.kind} can't do {context.task}; it is made for {able}", where="train.model")
    if not len(learn.target):
        raise DataError("there is no row to learn from", hint="check the source, the cleaners and the split")
    if np.isnan(learn.target).any():
        raise DataError(
            f"the target is missing in {int(np.isnan(learn.target).sum())} rows of learn",
            hint="drop them: clean: [{kind: drop_rows, where: isnull(TARGET)}]",
        )
    if learn.target.size and (learn.target == learn.target[0]).all():
        what = "has one class only" if context.n_classes else f"is always {learn.target[0]:g}"
        raise DataError(
            f"the target {what} in the rows to learn from", hint="check the target, the cleaners, the split"
        )
    infinite = np.isinf(learn.features).any(axis=0)
    if infinite.any():
        names = ", ".join(context.features[at].name for at in np.flatnonzero(infinite)[:5])
        raise DataError(
            f"infinite values in the features {names}",
            hint="mend the source, drop the rows under clean, or bound them with {kind: winsorize}",
        )
