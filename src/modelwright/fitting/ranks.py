"""Classes with an order, by models of two classes: one for each step says how likely the class is above it.

Frank and Hall, A Simple Approach to Ordinal Classification (ECML 2001). Their models may contradict each other (above 3
likelier than above 2); the lesser of such probabilities counts, so that no class gets less than nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


def fit_ranks(model: Model, learn: Samples, validation: Samples | None, context: FitContext) -> FittedRanks:
    """Steps that no row of learn is above, or all are, need no model."""
    members: list[Fitted | float] = []
    inner = replace(context, task="binary", n_classes=2)
    for step in range(context.n_classes - 1):
        above = learn.target > step
        if above.all() or not above.any():
            members.append(float(above.all()))
            continue
        members.append(model.fit(_above(learn, step), None if validation is None else _above(validation, step), inner))
    found = FittedRanks(tuple(members))
    if found.curve and found.stopped:
        losses = [one["validation"] for one in found.curve]
        return found.truncated(int(np.argmin(losses)) + 1)
    return found


def _above(samples: Samples, step: int) -> Samples:
    return replace(samples, target=(samples.target > step).astype(np.float64))


@dataclass(frozen=True)
class FittedRanks:
    """Predicts [N, K]; a member is a model of [N, 2], or the probability itself where learn left no doubt."""

    members: tuple[Fitted | float, ...]

    @property
    def models(self) -> list[Fitted]:
        return [member for member in self.members if not isinstance(member, float)]

    @property
    def stopped(self) -> bool:
        """Whether validation rows said how many iterations there are."""
        return all("stopping_metric" in model.notes for model in self.models)

    @property
    def notes(self) -> Mapping[str, Any]:
        return {**self.models[0].notes, "steps": len(self.members)}

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        """The mean of the members' losses, as far as all go."""
        steps = zip(*(model.curve for model in self.models), strict=False)
        return [
            {"iteration": at + 1.0, "validation": float(np.mean([one["validation"] for one in step]))}
            for at, step in enumerate(steps)
        ]

    @property
    def importance(self) -> Mapping[str, float] | None:
        shares = [model.importance for model in self.models]
        known = [share for share in shares if share is not None]
        if len(known) < len(shares):
            return None
        return {name: sum(share[name] for share in known) / len(known) for name in known[0]}

    def truncated(self, iterations: int) -> FittedRanks:
        """All members after as many iterations."""
        short = tuple(
            member if isinstance(member, float) else member.truncated(iterations)  # type: ignore[attr-defined]  # only those with a curve are asked
            for member in self.members
        )
        return replace(self, members=short)

    def predict(self, features: Floats) -> Floats:
        rows = len(features)
        above = [np.ones(rows)]
        for member in self.members:
            said = np.full(rows, member) if isinstance(member, float) else member.predict(features)[:, 1]
            above.append(np.minimum(above[-1], said))
        bounds = np.stack([*above, np.zeros(rows)], axis=1)
        return bounds[:, :-1] - bounds[:, 1:]

    def compile(self, graph: GraphBuilder, features: str) -> str:
        rows = graph.op("Shape", features, start=0, end=1)
        above = [graph.op("Expand", np.ones(1), rows)]
        for member in self.members:
            if isinstance(member, float):
                said = graph.op("Expand", np.array([member]), rows)
            else:
                said = graph.op("Gather", member.compile(graph, features), np.int64(1), axis=1)
            above.append(graph.op("Min", above[-1], said))
        nothing = graph.op("Expand", np.zeros(1), rows)
        shares = [graph.op("Sub", upper, lower) for upper, lower in zip(above, [*above[1:], nothing], strict=True)]
        return graph.op("Concat", *(graph.op("Unsqueeze", share, np.array([1])) for share in shares), axis=1)

    def save_native(self, folder: Path) -> None:
        for step, member in enumerate(self.members):
            if not isinstance(member, float):
                member.save_native(folder / f"above_{step}")
