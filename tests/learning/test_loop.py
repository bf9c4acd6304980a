"""The training loop learns, ends when it should, gives the same bits each time, and goes on after a kill."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.core.errors import DataError, ResourceError

torch = pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)

from modelwright.learning import checkpoints, dense, devices, drawing, loop  # noqa: E402  # they import torch

CPU = torch.device("cpu")
SHAPE = dense.Shape(3, (16, 8), 1, members=2)
SCHEDULE = loop.Schedule(epochs=8, batch_size=50, learning_rate=0.02, weight_decay=0.01)


def rows(seed: int = 0, count: int = 400) -> dense.Rows:
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(count, 3)).astype(np.float32)
    target = np.abs(inputs[:, 0]) + inputs[:, 1] * (inputs[:, 2] > 0)
    return dense.Rows(torch.from_numpy(inputs), torch.from_numpy(target), None)


@dataclass
class Counted:
    """A task that counts its steps, and is interrupted at one of them."""

    inner: dense.DenseTask = field(
        default_factory=lambda: dense.DenseTask(SHAPE, 0.1, dense.Loss("squared_error"), rows())
    )
    interrupted_at: int | None = None
    steps: int = 0

    @property
    def rows(self) -> int:
        return self.inner.rows

    def initial(self, source: Any) -> Any:
        return self.inner.initial(source)

    def loss(self, state: Any, picked: Any, source: Any) -> Any:
        self.steps += 1
        if self.steps == self.interrupted_at:
            raise KeyboardInterrupt
        return self.inner.loss(state, picked, source)


def watched() -> loop.Watched:
    held = rows(seed=1)

    def score(state: Any) -> float:
        with torch.inference_mode():
            found = dense.forward(state, SHAPE, held.inputs).mean(dim=0)[:, 0]
            return float(((found - held.target) ** 2).mean())

    return loop.Watched(score, greater_is_better=False)


def trained(task: Any = None, schedule: loop.Schedule = SCHEDULE, seed: int = 1, **more: Any) -> loop.Learnt:
    return loop.train(task or Counted(), schedule, seed, CPU, **more)


def bits(learnt: loop.Learnt) -> list[dict[str, bytes]]:
    return [{name: array.tobytes() for name, array in weights.items()} for weights in learnt.epochs]


def test_it_learns() -> None:
    learnt = trained(schedule=replace(SCHEDULE, epochs=30), watched=watched())
    assert learnt.losses[-1] < 0.3 * learnt.losses[0]
    assert min(learnt.scores) < 0.2 * float(rows(seed=1).target.var())


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    assert bits(trained()) == bits(trained())
    assert bits(trained()) != bits(trained(seed=2))


def test_an_earlier_end_leaves_the_weights_of_that_epoch() -> None:
    """So that folds can agree on an epoch, and the refit ends there."""
    whole = trained(watched=watched())
    short = trained(schedule=replace(SCHEDULE, stop_after=3))
    assert len(whole.epochs) == 8 and len(short.epochs) == 1
    assert bits(short)[0] == bits(whole)[2]


def test_it_ends_when_validation_rows_no_longer_gain() -> None:
    scores = iter([5.0, 4.0, 4.5, 4.4, 4.3, 1.0])
    told = loop.Watched(lambda state: next(scores), greater_is_better=False)
    learnt = trained(schedule=replace(SCHEDULE, patience=3), watched=told)
    assert learnt.scores == [5.0, 4.0, 4.5, 4.4, 4.3] and told.best(learnt.scores) == 2


def test_it_ends_within_its_time() -> None:
    learnt = trained(schedule=replace(SCHEDULE, epochs=10_000, time_limit_s=0.05))
    assert learnt.out_of_time and 1 <= len(learnt.losses) < 10_000


def test_progress_is_told_epoch_by_epoch() -> None:
    told: list[int] = []
    trained(advance=told.append)
    assert sum(told) == 8


@pytest.mark.parametrize("killed_in", [2, 5])
def test_what_was_killed_goes_on_from_its_checkpoint_with_the_same_bits(
    killed_in: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_S", 0.0)
    path = tmp_path / "deep" / "fit.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained(Counted(interrupted_at=8 * (killed_in - 1) + 4), watched=watched(), checkpoint=path)
    resumed, told = Counted(), list[int]()
    learnt = trained(resumed, watched=watched(), checkpoint=path, advance=told.append)
    assert resumed.steps == 8 * (8 - killed_in + 1), "the epochs before are not repeated"
    assert told[0] == killed_in - 1 and sum(told) == 8
    whole = trained(watched=watched())
    assert bits(learnt) == bits(whole)
    assert (learnt.losses, learnt.scores) == (whole.losses, whole.scores)
    again = Counted()
    assert bits(trained(again, watched=watched(), checkpoint=path)) == bits(whole) and again.steps == 0


def test_short_trainings_leave_no_checkpoint(tmp_path: Path) -> None:
    trained(checkpoint=tmp_path / "fit.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [b"", b"no safetensors", None], ids=["empty", "garbage", "cut off"])
def test_a_damaged_checkpoint_is_as_good_as_none(
    damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_S", 0.0)
    path = tmp_path / "fit.safetensors"
    whole = trained(checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    assert bits(trained(checkpoint=path)) == bits(whole)


def test_a_training_is_known_by_all_that_it_depends_on() -> None:
    features = np.arange(6.0).reshape(2, 3)
    known = checkpoints.digest({"seed": 1}, {"rows": features, "weights": None})
    assert known == checkpoints.digest({"seed": 1}, {"rows": features.copy(), "weights": None})
    others = [
        checkpoints.digest({"seed": 2}, {"rows": features}),
        checkpoints.digest({"seed": 1}, {"rows": features + 1}),
        checkpoints.digest({"seed": 1}, {"rows": features.reshape(3, 2)}),
        checkpoints.digest({"seed": 1}, {"held": features}),
    ]
    assert len({known, *others}) == 5


def test_numbers_that_run_away_are_an_error_with_a_way_out() -> None:
    inputs = torch.full((100, 3), 1e30)
    task = dense.DenseTask(SHAPE, 0.0, dense.Loss("squared_error"), dense.Rows(inputs, inputs[:, 0], None))
    with pytest.raises(DataError, match="left the numbers in epoch 1"):
        trained(task)


def test_dropout_leaves_out_its_share_and_keeps_the_mean() -> None:
    ones = torch.ones(400, 250)
    found = drawing.dropped(ones, 0.4, drawing.generator(3, CPU))
    assert float((found == 0).float().mean()) == pytest.approx(0.4, abs=0.01)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.01)
    assert drawing.dropped(ones, 0.0, drawing.generator(3, CPU)) is ones


def test_members_differ_and_share_their_weights() -> None:
    state = dense.initial(SHAPE, drawing.generator(1, CPU))
    first, second = dense.forward(state, SHAPE, rows().inputs)
    assert not torch.equal(first, second)
    assert state["0.weight"].shape == (3, 16) and state["0.bias"].shape == (2, 1, 16)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error_and_auto_does_without() -> None:
    with pytest.raises(ResourceError, match="no CUDA device"):
        devices.chosen("cuda")
    assert devices.chosen("auto") == CPU
