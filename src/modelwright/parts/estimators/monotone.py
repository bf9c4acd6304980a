"""Constraints that a prediction may only rise, or only fall, with a feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.parts.samples import Feature, FitContext

Direction = Literal["increasing", "decreasing"]
Monotone = Mapping[str, Direction]

SIGNS: Mapping[Direction, int] = {"increasing": 1, "decreasing": -1}


def signs(monotone: Monotone, context: FitContext) -> list[int]:
    """For each feature 1, -1 or 0. SpecError for one that is not there or is no number, and for several classes."""
    if monotone and context.n_classes > 2:
        raise SpecError(
            "monotone is for two classes or a number; of several classes, not all can rise together",
            where="train.model.monotone",
        )
    names = [feature.name for feature in context.features]
    for name in monotone:
        if name not in names:
            raise SpecError(
                f'no feature "{name}"{did_you_mean(name, names)}',
                where="train.model.monotone",
                hint=f"features: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}",
            )
    return [_sign(feature, monotone) for feature in context.features]


def _sign(feature: Feature, monotone: Monotone) -> int:
    if feature.name not in monotone:
        return 0
    if feature.cardinality is not None:
        raise SpecError(
            f'"{feature.name}" is a category, which nothing can rise or fall with', where="train.model.monotone"
        )
    return SIGNS[monotone[feature.name]]


def refuse_with(monotone: Monotone, objective: str, objectives: Sequence[str]) -> None:
    """SpecError under an objective that sets the leaves anew once they are grown, which constraints do not survive."""
    if monotone and objective in objectives:
        raise SpecError(
            f"monotone does not go with objective: {objective}",
            where="train.model.monotone",
            hint="use another objective, or no monotone",
        )
