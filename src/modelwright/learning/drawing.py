"""Random numbers of training: each from a seed of its own, so that a resumed training draws what it would have."""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 256  # a mask is drawn as bytes: eight numbers for the price of one, where drawing would cost most of the time


def generator(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def uniform(shape: tuple[int, ...], bound: float, source: torch.Generator) -> Tensor:
    """Evenly between −bound and bound."""
    return torch.empty(shape, device=source.device).uniform_(-bound, bound, generator=source)


def signs(shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """−1 or 1."""
    return torch.randint(0, 2, shape, device=source.device, generator=source).float() * 2 - 1


def dropped(tensor: Tensor, share: float, source: torch.Generator) -> Tensor:
    """Dropout (Srivastava et al., JMLR 2014): that share of the numbers is 0, the others are larger to make up for it.

    The share is rounded to 256ths.
    """
    cut = round(share * LEVELS)
    if not cut:
        return tensor
    words = torch.empty((tensor.numel() + 7) // 8, dtype=torch.int64, device=tensor.device)
    draws = words.random_(-(2**63), None, generator=source).view(torch.uint8)[: tensor.numel()]
    kept = (draws >= cut).to(tensor.dtype).mul_(LEVELS / (LEVELS - cut))
    return tensor * kept.view(tensor.shape)
