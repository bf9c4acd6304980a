"""A fitted network of a table: from rows to predictions in float64, natively and as nodes of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.parts.estimators import network_files
from modelwright.parts.estimators.dense_layers import DenseLayers
from modelwright.parts.estimators.known_classes import among_all, compile_among_all
from modelwright.parts.estimators.network_files import Kept
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.piecewise import Encoding
    from modelwright.parts.estimators.dense_layers import Weights
    from modelwright.parts.samples import Floats

PIECE = 4096  # rows at a time, as each has a number for every hidden unit


@dataclass(frozen=True)
class Ending:
    """How what the network says becomes a prediction: of `codes`, classes; of none, values in the target's unit."""

    codes: tuple[int, ...]
    n_classes: int
    mean: float = 0.0
    spread: float = 1.0

    def of(self, found: Floats) -> Floats:
        """[k, N, outputs] to the mean of the members' probabilities [N, classes] or values [N]."""
        import numpy as np

        if not self.codes:
            values: Floats = found.mean(axis=0)[:, 0] * self.spread + self.mean
            return values
        if len(self.codes) == 2:
            positive = (1 / (1 + np.exp(-found))).mean(axis=0)
            known = np.concatenate([1 - positive, positive], axis=1)
        else:
            powers = np.exp(found - found.max(axis=2, keepdims=True))
            known = (powers / powers.sum(axis=2, keepdims=True)).mean(axis=0)
        return among_all(known, self.codes, self.n_classes)

    def compile(self, graph: GraphBuilder, found: str, members: int) -> str:
        """The same, as nodes; what is added up is added by MatMul, as other sums depend on the batch."""
        import numpy as np

        from modelwright.graph import steady

        outputs = len(self.codes) if len(self.codes) > 2 else 1
        if not self.codes:
            mean = graph.op("Squeeze", _mean_of_members(graph, found, members, 1), np.array([1]))
            return graph.op("Add", graph.op("Mul", mean, np.float64(self.spread)), np.float64(self.mean))
        if outputs == 1:
            each = steady.sigmoid(graph, graph.op("Reshape", found, np.array([-1])))
            positive = graph.op("Squeeze", _mean_of_members(graph, each, members, 1), np.array([1]))
            known = steady.both_classes(graph, positive)
        else:
            each = steady.softmax(graph, graph.op("Reshape", found, np.array([-1, outputs])), outputs)
            known = _mean_of_members(graph, each, members, outputs)
        return compile_among_all(graph, known, self.codes, self.n_classes)


def _mean_of_members(graph: GraphBuilder, found: str, members: int, outputs: int) -> str:
    """Numbers of [k, N, outputs], in whatever shape, to [N, outputs]."""
    import numpy as np

    found = graph.op("Reshape", found, np.array([members, -1, outputs]))
    if members == 1:
        return graph.op("Squeeze", found, np.array([0]))
    by_row = graph.op("Transpose", found, perm=[1, 2, 0])
    return graph.op("Squeeze", graph.op("MatMul", by_row, np.full((members, 1), 1 / members)), np.array([2]))


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """`epochs` holds the weights after each epoch, or the last ones only, where no validation rows were watched."""

    encoding: Encoding
    epochs: Sequence[Weights]
    iterations: int
    ending: Ending
    context: FitContext
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]
    sample: Floats  # some encoded rows of learn, by which importance is told

    @cached_property
    def layers(self) -> DenseLayers:
        return DenseLayers(self.epochs[min(self.iterations, len(self.epochs)) - 1])

    @cached_property
    def importance(self) -> Mapping[str, float]:
        """How far the scores move when a feature is put to its mean, on some rows of learn."""
        import numpy as np

        origins = np.array(self.encoding.origins)
        typical = self.sample.mean(axis=0)
        said = self.layers.say(self.sample)
        moved = {}
        for feature in self.context.features:
            changed = np.where(origins == feature.name, typical, self.sample)
            moved[feature.name] = float(np.abs(self.layers.say(changed) - said).mean())
        total = sum(moved.values()) or 1.0
        return {name: size / total for name, size in moved.items()}

    def truncated(self, iterations: int) -> FittedNetwork:
        """The same network after fewer (or, if they were trained, more) epochs."""
        count = min(iterations, len(self.epochs))
        return replace(self, iterations=count, notes={**self.notes, "iterations": count})

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        pieces = [features[start : start + PIECE] for start in range(0, max(len(features), 1), PIECE)]
        with one_thread():
            return np.concatenate([self.ending.of(self.layers.say(self.encoding.apply(piece))) for piece in pieces])

    def compile(self, graph: GraphBuilder, features: str) -> str:
        found = self.layers.compile(graph, self.encoding.compile(graph, features))
        return self.ending.compile(graph, found, self.layers.members)

    def save_native(self, folder: Path) -> None:
        """Training can continue from it: see `network_files`."""
        ending = self.ending
        kept = Kept(self.layers.weights, self.encoding, (ending.mean, ending.spread), ending.codes)
        network_files.write(folder, kept)
