"""One model for each quantile, sorted row by row, as one fitted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.errors import SpecError
from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


def fit_quantiles(model: Model, learn: Samples, validation: Samples | None, context: FitContext) -> FittedQuantiles:
    """Models that stop early all have as many iterations as serve them best on average."""
    inner = replace(context, task="regression", quantiles=())
    members = tuple(_of(model, level).fit(learn, validation, inner) for level in context.quantiles)
    found = FittedQuantiles(members, context.quantiles)
    if found.curve and "stopping_metric" in members[0].notes:
        losses = [step["validation"] for step in found.curve]
        return found.truncated(int(np.argmin(losses)) + 1)
    return found


def _of(model: Model, level: float) -> Model:
    """The model, fitted to one quantile. SpecError when the spec asks for another objective."""
    changed: dict[str, Any] = {"quantile": level}
    if "objective" in type(model).model_fields:
        asked = getattr(model, "objective", None)
        if "objective" in model.model_fields_set and asked != "quantile":
            raise SpecError(f"task quantile fits quantiles, not {asked}", where="train.model.objective")
        changed["objective"] = "quantile"
    if "quantile" in model.model_fields_set:
        raise SpecError("which quantiles there are, task.quantiles says", where="train.model.quantile")
    return model.model_copy(update=changed)


@dataclass(frozen=True)
class FittedQuantiles:
    """Predicts [N, Q], rising."""

    members: tuple[Fitted, ...]
    levels: tuple[float, ...]

    @property
    def notes(self) -> Mapping[str, Any]:
        return {**self.members[0].notes, "quantiles": list(self.levels)}

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        """The mean of the members' losses, as far as all go."""
        steps = zip(*(member.curve for member in self.members), strict=False)
        return [
            {"iteration": at + 1.0, "validation": float(np.mean([one["validation"] for one in step]))}
            for at, step in enumerate(steps)
        ]

    @property
    def importance(self) -> Mapping[str, float] | None:
        shares = [member.importance for member in self.members]
        known = [share for share in shares if share is not None]
        if len(known) < len(shares):
            return None
        return {name: sum(share[name] for share in known) / len(known) for name in known[0]}

    def truncated(self, iterations: int) -> FittedQuantiles:
        """All members after as many iterations."""
        short = tuple(member.truncated(iterations) for member in self.members)  # type: ignore[attr-defined]  # only those with a curve are asked
        return replace(self, members=short)

    def predict(self, features: Floats) -> Floats:
        return np.sort(np.stack([member.predict(features) for member in self.members], axis=1), axis=1)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        columns = [graph.op("Unsqueeze", member.compile(graph, features), np.array([1])) for member in self.members]
        together = graph.op("Concat", *columns, axis=1) if len(columns) > 1 else columns[0]
        return compile_rising(graph, together, len(columns))

    def save_native(self, folder: Path) -> None:
        for level, member in zip(self.levels, self.members, strict=True):
            member.save_native(folder / f"quantile_{level:g}")


def compile_rising(graph: GraphBuilder, quantiles: str, count: int) -> str:
    """[N, Q], each row sorted."""
    if count == 1:
        return quantiles
    return graph.ops("TopK", quantiles, np.array([count]), outputs=2, axis=1, largest=0, sorted=1)[0]
