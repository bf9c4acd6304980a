"""The training loop: steps of AdamW on shuffled batches, a learning rate that rises, then falls to nothing.

AdamW: Loshchilov and Hutter (ICLR 2019), and so is the schedule's cosine (ICLR 2017). What an epoch draws depends on
the seed and its number alone, so a training that is resumed ends with the bits that it would have had.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from modelwright.core.errors import DataError
from modelwright.core.seeds import child_seed
from modelwright.learning import checkpoints, devices, drawing

Weights = dict[str, NDArray[np.float32]]
WARM_UP = 0.05  # share of the schedule in which the learning rate rises
LEAST = 0.01  # of the learning rate, at the end
BETAS = (0.9, 0.95)  # forgets sooner than torch's default: trainings are short
CHECKPOINT_EVERY_S = 15.0


class Learnable(Protocol):
    """What is trained: a state of named tensors, and its loss on some of the rows."""

    @property
    def rows(self) -> int: ...

    def initial(self, source: torch.Generator) -> dict[str, Tensor]: ...

    def loss(self, state: dict[str, Tensor], picked: Tensor, source: torch.Generator) -> Tensor: ...


@dataclass(frozen=True)
class Schedule:
    """How long, and how fast. `stop_after` ends it earlier without changing what the epochs before are like."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int | None = None  # epochs without a better score before it ends
    stop_after: int | None = None
    time_limit_s: float | None = None

    @property
    def last(self) -> int:
        return min(self.epochs, self.stop_after or self.epochs)

    def rate(self, progress: float) -> float:
        """The learning rate, after that share of all steps."""
        falling = 0.5 * (1 + math.cos(math.pi * progress)) + LEAST
        return self.learning_rate * min(1.0, progress / WARM_UP + 0.02) * falling


@dataclass(frozen=True)
class Watched:
    """Says after each epoch how good the state is, on rows that are not learnt from."""

    score: Callable[[dict[str, Tensor]], float]
    greater_is_better: bool

    def best(self, scores: Sequence[float]) -> int:
        """Counted from 1; the first of several."""
        return int(np.argmax(scores) if self.greater_is_better else np.argmin(scores)) + 1


@dataclass
class Learnt:
    """After each epoch: the weights (of the last alone where nothing is watched) and the score."""

    epochs: list[Weights] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # mean over the steps of each epoch
    scores: list[float] = field(default_factory=list)
    out_of_time: bool = False


def train(
    task: Learnable,
    schedule: Schedule,
    seed: int,
    device: torch.device,
    watched: Watched | None = None,
    checkpoint: Path | None = None,
    advance: Callable[[int], None] = lambda epochs: None,
) -> Learnt:
    """DataError when the numbers run away. With a `checkpoint`, it goes on from there, and keeps it up to date.

    What is over within seconds leaves none.
    """
    devices.use_one_thread()
    started = saved = time.monotonic()
    training = _Training(task, schedule, seed, device)
    learnt = Learnt()
    if checkpoint is not None and (arrays := checkpoints.read(checkpoint)) is not None:
        learnt = training.restore(arrays)
        advance(len(learnt.losses))
    while not _ended(learnt, schedule, watched):
        epoch = len(learnt.losses)
        learnt.losses.append(training.epoch(epoch))
        if not math.isfinite(learnt.losses[-1]):
            raise DataError(
                f"the loss left the numbers in epoch {epoch + 1}",
                where="train.model",
                hint="lower learning_rate, or bound far values with {kind: winsorize}",
            )
        if watched is not None:
            learnt.scores.append(watched.score(training.state))
        learnt.epochs = [*(learnt.epochs if watched else ()), training.weights()]
        advance(1)
        now = time.monotonic()
        learnt.out_of_time = schedule.time_limit_s is not None and now - started >= schedule.time_limit_s
        ends = _ended(learnt, schedule, watched)
        if checkpoint is not None and now - (started if ends else saved) >= CHECKPOINT_EVERY_S:
            checkpoints.write(checkpoint, training.saved(learnt))
            saved = now
    return learnt


def _ended(learnt: Learnt, schedule: Schedule, watched: Watched | None) -> bool:
    done = len(learnt.losses)
    if done >= schedule.last or learnt.out_of_time:
        return True
    if watched is None or schedule.patience is None or not learnt.scores:
        return False
    return done - watched.best(learnt.scores) >= schedule.patience


class _Training:
    """The state and its optimizer."""

    def __init__(self, task: Learnable, schedule: Schedule, seed: int, device: torch.device) -> None:
        self.task, self.schedule, self.seed, self.device = task, schedule, seed, device
        self.state = task.initial(drawing.generator(child_seed(seed, "weights"), device))
        for tensor in self.state.values():
            tensor.requires_grad_()
        self.optimizer = torch.optim.AdamW(
            list(self.state.values()),
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
            betas=BETAS,
            fused=True,
        )

    def epoch(self, number: int) -> float:
        """All rows once, but for what is left of the last batch; the mean loss."""
        source = drawing.generator(child_seed(self.seed, "epoch", number), self.device)
        size = min(self.schedule.batch_size, self.task.rows)
        steps = self.task.rows // size
        order = torch.randperm(self.task.rows, generator=source, device=self.device)
        total = torch.zeros((), device=self.device)
        for step in range(steps):
            rate = self.schedule.rate((number * steps + step) / (self.schedule.epochs * steps))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = self.task.loss(self.state, order[step * size : (step + 1) * size], source)
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not say
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            total += loss.detach()
        return float(total) / steps

    def weights(self) -> Weights:
        return {name: _array(tensor) for name, tensor in self.state.items()}

    def saved(self, learnt: Learnt) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {
            "losses": np.array(learnt.losses),
            "scores": np.array(learnt.scores),
        }
        for name, tensor in self.state.items():
            found[f"state/{name}"] = _array(tensor)
            for key, value in self.optimizer.state[tensor].items():
                found[f"optimizer/{name}/{key}"] = _array(value)
        for number, weights in enumerate(learnt.epochs):
            found.update({f"epoch/{number}/{name}": array for name, array in weights.items()})
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Learnt:
        with torch.no_grad():
            for name, tensor in self.state.items():
                tensor.copy_(torch.from_numpy(arrays[f"state/{name}"]))
        for name, tensor in self.state.items():
            prefix = f"optimizer/{name}/"
            kept = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
            self.optimizer.state[tensor] = {
                key: torch.from_numpy(value.copy()).to(self.device) for key, value in kept.items()
            }
        count = len({key.split("/")[1] for key in arrays if key.startswith("epoch/")})
        epochs = [{name: arrays[f"epoch/{number}/{name}"] for name in self.state} for number in range(count)]
        return Learnt(epochs, arrays["losses"].tolist(), arrays["scores"].tolist())


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy().copy()
