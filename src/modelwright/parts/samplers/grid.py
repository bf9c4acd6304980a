"""Grid search: every combination of the values listed, in a fixed order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelwright.parts.base import Sampler

if TYPE_CHECKING:
    from modelwright.parts.space import Choices, Range


class Grid(Sampler):
    """Tries all combinations. Choose it for few parameters with few values; ranges are cut into `steps` values."""

    kind: Literal["grid"] = "grid"
    steps: int = Field(5, ge=2, le=100, description="Values tried of a range that is not a list of choices.")

    def fixed(self, space: Mapping[str, Range | Choices]) -> list[dict[str, Any]]:
        values = [dimension.grid(self.steps) for dimension in space.values()]
        return [dict(zip(space, combination, strict=True)) for combination in itertools.product(*values)]

    def build(self, space: Mapping[str, Range | Choices], seed: int) -> Any:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed)  # never asked: every trial is one of `fixed`


PART = Grid
