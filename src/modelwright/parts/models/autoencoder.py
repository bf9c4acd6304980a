"""Rows that a neural network can't say again in few numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.dense_layers import DenseLayers
from modelwright.parts.estimators.projections import compile_squares
from modelwright.parts.estimators.trained_networks import (
    BATCH_TEXT,
    DEVICE_TEXT,
    ITERATIONS_TEXT,
    PIECE,
    Device,
    needed,
    trained,
    usual_batch,
)
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.estimators.dense_layers import Weights
    from modelwright.parts.samples import FitContext, Fitted, Floats, Samples

MIDDLE = 1  # the hidden layer that holds the code: inputs, hidden, code, hidden, outputs
WATCHED = "reconstruction_error"


class Autoencoder(Model):
    """Squared distance of the standardized features to what a network says again after putting them into `code` numbers
    (Hinton and Salakhutdinov, Science 2006; as an anomaly score: Sakurada and Yairi, 2014). Choose it over
    `pca_reconstruction` where what holds between columns is bent, and learn has thousands of rows. Install torch with
    `pip install 'modelwright[networks]'`.

    It is trained in float32 in one thread, so the same rows give the same bits, and predicts in float64. With
    validation rows it keeps the epoch whose error on them is least.
    """

    kind: Literal["autoencoder"] = "autoencoder"
    code: int | None = Field(
        None, ge=1, le=1000, description="Numbers in the middle; default: a third of the features."
    )
    hidden: int = Field(64, ge=2, le=4096, description="Units of the layers before and after.")
    learning_rate: float = Field(3e-3, gt=0, le=1, description="Of AdamW, at its highest.")
    weight_decay: float = Field(0.03, ge=0, le=10, description="Of AdamW, times the learning rate.")
    epochs: int = Field(60, ge=1, le=10_000, description="Passes over the rows that the learning rate is planned for.")
    iterations: int | None = Field(None, ge=1, le=10_000, description=ITERATIONS_TEXT)
    batch_size: int | None = Field(None, ge=1, le=1_000_000, description=BATCH_TEXT)
    patience: int | None = Field(10, ge=1, description="Epochs without gain before it stops; null: never.")
    device: Device = Field("cpu", description=DEVICE_TEXT)

    tasks: ClassVar[frozenset[str]] = frozenset({"anomaly"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    seeded: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {
        "hidden": {"low": 16, "high": 256, "log": True, "type": "int"},
        "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        needed()
        import numpy as np
        import torch

        from modelwright.learning import dense, devices, loop

        device = devices.chosen(self.device)
        width = learn.features.shape[1]
        code = min(self.code or max(width // 3, 1), self.hidden)
        shape = dense.Shape(width, (self.hidden, code, self.hidden), width, straight=MIDDLE)
        rows = _placed(learn.features, device)
        weights = None if learn.weights is None else _placed(learn.weights / learn.weights.mean(), device)
        task = dense.DenseTask(shape, 0.0, dense.Loss("reconstruction"), dense.Rows(rows, rows, weights))
        watched = None
        if validation is not None and len(validation.features):
            held = _placed(validation.features, device).split(PIECE)
            true = validation.features.astype(np.float32)

            def error(state: dict[str, torch.Tensor]) -> float:
                said = task.outputs(state, held)[0].cpu().numpy()
                return float(np.square(said - true, dtype=np.float64).sum(axis=1).mean())

            watched = loop.Watched(error, greater_is_better=False)
        schedule = loop.Schedule(
            self.epochs,
            self.batch_size or usual_batch(len(rows)),
            self.learning_rate,
            self.weight_decay,
            self.patience,
            self.iterations,
        )
        learnt = trained(task, schedule, self.model_dump(), learn, validation, context, device, watched)
        best = watched.best(learnt.scores) if watched else len(learnt.losses)
        curve = tuple({"iteration": at + 1.0, "validation": score} for at, score in enumerate(learnt.scores))
        notes: dict[str, Any] = {"iterations": best, "code": code}
        if watched and self.patience is not None:
            notes |= {"stopping_metric": WATCHED, "greater_is_better": False, "iterations_tried": len(learnt.losses)}
        return FittedAutoencoder(learnt.epochs, best, notes, curve)


def _placed(array: Floats, device: Any) -> Any:
    import numpy as np
    import torch

    return torch.from_numpy(array.astype(np.float32)).to(device)


@dataclass(frozen=True, eq=False)
class FittedAutoencoder:
    """`epochs` as in `FittedNetwork`."""

    epochs: Sequence[Weights]
    iterations: int
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]
    importance: Mapping[str, float] | None = None

    @cached_property
    def layers(self) -> DenseLayers:
        return DenseLayers(self.epochs[min(self.iterations, len(self.epochs)) - 1], straight=MIDDLE)

    def truncated(self, iterations: int) -> FittedAutoencoder:
        """The same network after fewer epochs."""
        count = min(iterations, len(self.epochs))
        return replace(self, iterations=count, notes={**self.notes, "iterations": count})

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        pieces = [features[start : start + PIECE] for start in range(0, max(len(features), 1), PIECE)]
        with one_thread():
            return np.concatenate([((piece - self.layers.say(piece)[0]) ** 2).sum(axis=1) for piece in pieces])

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        width = self.layers.weights["0.weight"].shape[0]
        apart = graph.op("Sub", features, self.layers.compile(graph, features))
        return graph.op("Squeeze", compile_squares(graph, apart, width), np.array([1]))

    def save_native(self, folder: Path) -> None:
        self.layers.save(folder)


PART = Autoencoder
