"""Weights of dense networks, as `learning` left them, applied in float64 and as nodes of the graph, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

    Weights = Mapping[str, NDArray[np.float32]]

HEAD = "head"


@dataclass(frozen=True, eq=False)
class DenseLayers:
    """Of each layer a weight and bias by member; where members share a weight, how each scales it."""

    weights: Weights
    straight: int | None = None  # the hidden layer that is not bent by ReLU

    @property
    def members(self) -> int:
        return len(self.weights[f"{HEAD}.weight"])

    def say(self, rows: Floats) -> Floats:
        """[N, inputs] to what each member says: [k, N, outputs]."""
        import numpy as np

        found = rows
        for name, (weight, bias) in self._wide.items():
            found = found @ weight + bias
            if self._bent(name):
                found = np.maximum(found, 0.0)
        return found

    def compile(self, graph: GraphBuilder, rows: str) -> str:
        """The same, as nodes: [k, N, outputs], or [N, outputs] of one member.

        Weights lie in the graph as they were learnt: in float32, and once for all members.
        """
        found = rows
        for name in self._names:
            weight = self._compile_wide(graph, f"{name}.weight")
            if f"{name}.input_scale" in self.weights:
                weight = graph.op("Mul", weight, self._compile_wide(graph, f"{name}.input_scale"))
                weight = graph.op("Mul", weight, self._compile_wide(graph, f"{name}.output_scale"))
            found = graph.op("Add", graph.op("MatMul", found, weight), self._compile_wide(graph, f"{name}.bias"))
            if self._bent(name):
                found = graph.op("Relu", found)
        return found

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        (folder / "network.safetensors").write_bytes(save(dict(self.weights)))

    @property
    def _names(self) -> list[str]:
        hidden = {name.partition(".")[0] for name in self.weights} - {HEAD}
        return [*sorted(hidden, key=int), HEAD]

    def _bent(self, name: str) -> bool:
        return name not in (HEAD, str(self.straight))

    @cached_property
    def _wide(self) -> dict[str, tuple[Floats, Floats]]:
        """In float64, [k, inputs, outputs] and [k, 1, outputs] of each layer."""
        import numpy as np

        wide = {name: array.astype(np.float64) for name, array in self.weights.items()}
        found = {}
        for name in self._names:
            weight = wide[f"{name}.weight"]
            if f"{name}.input_scale" in wide:
                weight = weight * wide[f"{name}.input_scale"] * wide[f"{name}.output_scale"]
            found[name] = weight, wide[f"{name}.bias"]
        return found

    def _compile_wide(self, graph: GraphBuilder, name: str) -> str:
        from modelwright.graph.builder import NUMBER

        array = self.weights[name]
        if self.members == 1 and array.ndim == 3:
            array = array[0]
        return graph.cast(graph.constant(array), NUMBER)
