"""Fits a model on prepared features, with what it needs in front of it; compiles features and model to one graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.errors import DataError, SpecError
from modelwright.fitting.adapters import Adapted, fit_adapter
from modelwright.graph.builder import GraphBuilder
from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.core.columns import Schema
    from modelwright.parts.base import Task


def fit_model(model: Model, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
    """A fitted model that takes the raw feature matrix; validation rows may only say when to stop.

    SpecError when the model can't do the task; DataError when learn can't be learnt from.
    """
    _check(model, learn, context)
    adapter = fit_adapter(model.needs, context.features, learn.features)
    if adapter is None:
        return model.fit(learn, validation, context)
    adapted = [
        None if samples is None else replace(samples, features=adapter.apply(samples.features))
        for samples in (learn, validation)
    ]
    assert adapted[0] is not None
    inner = model.fit(adapted[0], adapted[1], replace(context, features=adapter.features))
    return Adapted(inner, adapter)


def compile_model(features_model: bytes, fitted: Fitted, task: Task, schema: Schema) -> bytes:
    """`model.onnx`: from the columns to the task's outputs."""
    graph = GraphBuilder()
    features = graph.inline(features_model)["features"]
    task.compile(graph, fitted.compile(graph, features), schema)
    return graph.build()


def _check(model: Model, learn: Samples, context: FitContext) -> None:
    if context.task not in model.tasks:
        able = ", ".join(sorted(model.tasks))
        raise SpecError(f"{model.kind} can't do {context.task}; it is made for {able}", where="train.model")
    if not len(learn.target):
        raise DataError("there is no row to learn from", hint="check the source, the cleaners and the split")
    if np.isnan(learn.target).any():
        raise DataError(
            f"the target is missing in {int(np.isnan(learn.target).sum())} rows of learn",
            hint="drop them: clean: [{kind: drop_rows, where: isnull(TARGET)}]",
        )
    if (learn.target == learn.target[0]).all():
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
