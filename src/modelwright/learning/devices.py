"""Where networks are trained, and in how many threads."""

from __future__ import annotations

import os
from typing import Literal

import torch

from modelwright.core.errors import ResourceError

Device = Literal["cpu", "cuda", "auto"]


def chosen(asked: Device) -> torch.device:
    """ResourceError when there is no such device."""
    if asked != "cpu" and torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may add up in any order
        return torch.device("cuda")
    if asked == "cuda":
        raise ResourceError(
            "device: cuda, but torch finds no CUDA device here",
            where="train.model.device",
            hint="use device: cpu, or auto for a GPU only where there is one",
        )
    return torch.device("cpu")


def use_one_thread() -> None:
    """From now on, in the thread that calls: with more, sums are taken in another order.

    It is not undone, as torch keeps the number for the whole process, where another fit may be under way.
    """
    torch.set_num_threads(1)
