"""Numbers that training can continue from, as JSON beside a fitted model: exact, and readable by anybody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import ArtifactError

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Fitted, Floats, Start

NAME = "numbers.json"


@dataclass(frozen=True)
class KeptNumbers:
    """A fitted model that leaves what another fit goes on from."""

    inner: Fitted
    numbers: Mapping[str, Floats]

    @property
    def notes(self) -> Mapping[str, Any]:
        return self.inner.notes

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return self.inner.importance

    def predict(self, features: Floats) -> Floats:
        return self.inner.predict(features)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return self.inner.compile(graph, features)

    def save_native(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        told = {name: values.tolist() for name, values in self.numbers.items()}
        (folder / NAME).write_text(json.dumps(told, sort_keys=True), encoding="utf-8")


def kept_numbers(start: Start) -> dict[str, Floats]:
    """What an earlier fit left. ArtifactError when it left none, as one of an older version."""
    import numpy as np

    if NAME not in start.files:
        raise ArtifactError(f"{start.label} left no weights to continue from", where="train.warm_start")
    return {name: np.array(values, np.float64) for name, values in json.loads(start.files[NAME]).items()}
