"""What parts that are neural networks share: keys of the spec, and the training loop with progress and checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from modelwright.parts.estimators.boosting import extra
from modelwright.parts.samples import FitContext, Samples

if TYPE_CHECKING:
    import torch

    from modelwright.learning.loop import Learnable, Learnt, Schedule, Watched

Device = Literal["cpu", "cuda", "auto"]
DEVICE_TEXT = "Where it is trained: cpu; cuda, an NVIDIA GPU; auto, a GPU where there is one."
ITERATIONS_TEXT = (
    "Epochs after which it ends, though the learning rate is planned for all; folds set it. null: validation rows say."
)
BATCH_TEXT = "Rows of each step; default: 64, of 4,000 rows and more 128, and so on up to 1,024."
BINS_TEXT = "Quantile bins of each number; null: none, each is standardized alone."
DOUBLED_FROM = (4_000, 8_000, 50_000, 200_000)  # rows from which batches are twice as large
SMALLEST_BATCH = 64
PIECE = 16_384  # rows encoded or scored at a time


def needed() -> None:
    """ResourceError when what trains networks is not installed."""
    extra("torch", "networks")
    extra("safetensors", "networks")


def usual_batch(rows: int) -> int:
    """Larger for more rows, as steps are many then anyway."""
    return SMALLEST_BATCH << sum(rows >= bound for bound in DOUBLED_FROM)


def trained(
    task: Learnable,
    schedule: Schedule,
    settings: Mapping[str, Any],
    learn: Samples,
    validation: Samples | None,
    context: FitContext,
    device: torch.device,
    watched: Watched | None,
) -> Learnt:
    """From the beginning, or from where a training of the same rows, settings and seed was killed."""
    import numpy as np

    from modelwright.learning import checkpoints, loop

    checkpoint = None
    if context.checkpoints is not None:
        told = {**settings, "task": context.task, "seed": context.seed, "device": device.type}
        arrays: dict[str, Any] = {"rows": learn.features, "target": learn.target, "weights": learn.weights}
        if validation is not None:
            arrays |= {"held": validation.features, "truth": validation.target, "held weights": validation.weights}
        if context.start is not None:
            arrays |= {name: np.frombuffer(content, np.uint8) for name, content in context.start.files.items()}
        checkpoint = context.checkpoints / f"{checkpoints.digest(told, arrays)}.safetensors"
    with context.progress.track(f"{settings['kind']}: epochs", schedule.last) as advance:
        return loop.train(task, schedule, context.seed, device, watched, checkpoint, advance)
