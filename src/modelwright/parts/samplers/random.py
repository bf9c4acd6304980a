"""Random search: independent draws from the space (Bergstra and Bengio 2012). A strong, simple baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from modelwright.parts.base import Sampler

if TYPE_CHECKING:
    from modelwright.parts.space import Choices, Range


class Random(Sampler):
    """Draws every trial independently. Choose it for a first look, or when trials run in parallel."""

    kind: Literal["random"] = "random"

    def build(self, space: Mapping[str, Range | Choices], seed: int) -> Any:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)


PART = Random
