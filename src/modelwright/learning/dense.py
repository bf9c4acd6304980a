"""Dense networks, one or several that share most of their weights, trained at once.

Several as in TabM (Gorishniy, Kotelnikov and Babenko, ICLR 2025), after BatchEnsemble (Wen, Tran and Ba, ICLR 2020):
each member has its own scales of the inputs and outputs of every layer, its own biases and its own last layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from modelwright.learning import drawing

State = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """Of the network: how many numbers go in, how wide each hidden layer is, how many come out of each member."""

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    members: int = 1
    straight: int | None = None  # the hidden layer that is not bent by ReLU


def initial(shape: Shape, source: torch.Generator) -> State:
    """Weights as torch draws them for linear layers; the first scales of each member are signs, so that they differ."""
    state: State = {}
    k, width = shape.members, shape.inputs
    for layer, hidden in enumerate(shape.hidden):
        bound = 1 / math.sqrt(width)
        state[f"{layer}.weight"] = drawing.uniform((width, hidden), bound, source)
        state[f"{layer}.bias"] = drawing.uniform((k, 1, hidden), bound, source)
        if k > 1:
            ones = torch.ones((k, width, 1), device=source.device)
            state[f"{layer}.input_scale"] = ones if layer else drawing.signs((k, width, 1), source)
            state[f"{layer}.output_scale"] = torch.ones((k, 1, hidden), device=source.device)
        width = hidden
    state["head.weight"] = drawing.uniform((k, width, shape.outputs), 1 / math.sqrt(width), source)
    state["head.bias"] = torch.zeros((k, 1, shape.outputs), device=source.device)
    return state


def shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Of all tensors of the state."""
    state = initial(shape, drawing.generator(0, torch.device("cpu")))
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def forward(
    state: State, shape: Shape, rows: Tensor, dropout: float = 0.0, source: torch.Generator | None = None
) -> Tensor:
    """[N, inputs] to what each member says, [k, N, outputs]; dropout where a source of random numbers is given."""
    found = rows.expand(shape.members, -1, -1)
    for layer in range(len(shape.hidden)):
        weight = state[f"{layer}.weight"]
        if shape.members > 1:  # scaling the weights is cheaper than scaling each row, and says the same
            weight = weight * state[f"{layer}.input_scale"] * state[f"{layer}.output_scale"]
        found = torch.baddbmm(state[f"{layer}.bias"], found, weight.expand(shape.members, -1, -1))
        found = found if layer == shape.straight else torch.relu(found)
        if source is not None:
            found = drawing.dropped(found, dropout, source)
    return torch.baddbmm(state["head.bias"], found, state["head.weight"])


@dataclass(frozen=True)
class Loss:
    """Of one row, by what is learnt: `quantile` and `delta` (of huber) are of the target in deviations."""

    kind: str
    quantile: float = 0.5
    delta: float = 1.0

    def of(self, found: Tensor, target: Tensor) -> Tensor:
        """[k, N, outputs] and [N], or the inputs themselves [N, outputs], to [k, N]."""
        if self.kind == "reconstruction":
            return ((target - found) ** 2).mean(dim=2)
        if self.kind == "multiclass":
            codes = target.long().expand(len(found), -1)
            return functional.cross_entropy(found.transpose(1, 2), codes, reduction="none")
        wanted, found = target.expand(len(found), -1), found[:, :, 0]
        if self.kind == "binary":
            return functional.binary_cross_entropy_with_logits(found, wanted, reduction="none")
        if self.kind == "absolute_error":
            return (wanted - found).abs()
        if self.kind == "huber":
            return functional.huber_loss(found, wanted, reduction="none", delta=self.delta)
        if self.kind == "quantile":
            error = wanted - found
            return torch.maximum(self.quantile * error, (self.quantile - 1) * error)
        return (wanted - found) ** 2


@dataclass(frozen=True)
class Rows:
    """On the device: encoded inputs [N, inputs], targets [N], and weights with mean 1, or None."""

    inputs: Tensor
    target: Tensor
    weights: Tensor | None


@dataclass(frozen=True)
class DenseTask:
    """What the loop learns: a dense network on rows."""

    shape: Shape
    dropout: float
    loss_of: Loss
    learn: Rows
    start: State | None = None  # of an earlier training that is continued

    @property
    def rows(self) -> int:
        return len(self.learn.target)

    def initial(self, source: torch.Generator) -> State:
        return initial(self.shape, source) if self.start is None else dict(self.start)

    def loss(self, state: State, picked: Tensor, source: torch.Generator) -> Tensor:
        """The mean over some rows; each member learns from all of them."""
        found = forward(state, self.shape, self.learn.inputs[picked], self.dropout, source)
        losses = self.loss_of.of(found, self.learn.target[picked])
        return (losses if self.learn.weights is None else losses * self.learn.weights[picked]).mean()

    def outputs(self, state: State, pieces: Sequence[Tensor]) -> Tensor:
        """[k, N, outputs] of other rows, piece by piece."""
        with torch.inference_mode():
            return torch.cat([forward(state, self.shape, piece) for piece in pieces], dim=1)
