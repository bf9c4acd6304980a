"""Boosted trees fitted on different rows, averaged before the link function: still one node of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.trees import Tree
    from modelwright.parts.samples import FitContext, Fitted, Floats


class Boosted(Protocol):
    """A fitted model whose raw scores are sums of trees; of several classes, tree i is of class i modulo K."""

    @property
    def context(self) -> FitContext: ...

    @property
    def importance(self) -> Mapping[str, float] | None: ...

    @property
    def notes(self) -> Mapping[str, Any]: ...

    def raw(self, features: Floats) -> Floats:
        """[N], or [N, K] for several classes."""

    def trees(self) -> list[Tree]: ...

    def save_native(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Bag:
    """The mean of the members' raw scores."""

    members: tuple[Boosted, ...]
    curve: Sequence[Mapping[str, float]] = ()

    @property
    def notes(self) -> Mapping[str, Any]:
        return {**self.members[0].notes, "averaged_models": len(self.members)}

    @property
    def importance(self) -> Mapping[str, float] | None:
        found = [member.importance or {} for member in self.members]
        return {name: sum(shares[name] for shares in found) / len(found) for name in found[0]}

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        raw = sum((member.raw(features) for member in self.members), np.zeros(())) / len(self.members)
        return linked(raw, self.members[0].context.task)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        share = 1 / len(self.members)
        trees = [replace(tree, leaves=tree.leaves * share) for member in self.members for tree in member.trees()]
        return compile_boosted(graph, features, trees, self.members[0].context)

    def save_native(self, folder: Path) -> None:
        for number, member in enumerate(self.members):
            member.save_native(folder / f"fold_{number}")


def bagged(members: Sequence[Fitted]) -> Bag | None:
    """None for models that are not boosted trees: their average would be as many graphs as there are members."""
    boosted: list[Any] = [member for member in members if hasattr(member, "raw") and hasattr(member, "trees")]
    return Bag(tuple(boosted)) if boosted and len(boosted) == len(members) else None


def linked(raw: Floats, task: str) -> Floats:
    """Raw scores to probabilities [N, K], or values [N]."""
    import numpy as np

    if task == "regression":
        return raw
    if task == "binary":
        positive = 1 / (1 + np.exp(-raw))
        return np.stack([1 - positive, positive], axis=1)
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def compile_boosted(graph: GraphBuilder, features: str, trees: Sequence[Tree], context: FitContext) -> str:
    """One node that sums the leaves, and the link function."""
    import numpy as np

    from modelwright.graph import steady
    from modelwright.graph.trees import ensemble

    outputs = context.n_classes if context.task == "multiclass" else 1
    raw = ensemble(graph, features, trees, [at % outputs for at in range(len(trees))], outputs)
    if context.task == "multiclass":
        return steady.softmax(graph, raw, outputs)
    column = graph.op("Squeeze", raw, np.array([1]))
    return column if context.task == "regression" else steady.both_classes(graph, steady.sigmoid(graph, column))
