"""The `tune` section: which settings of a model are searched, where, how and for how long."""

from __future__ import annotations

from pydantic import BaseModel, Field

from modelwright.parts.space import Dimension
from modelwright.spec.choices import AnyModel, AnySampler, AnyValidation, part
from modelwright.spec.section import CLOSED


class Tune(BaseModel):
    """From a search space to the best settings found."""

    model_config = CLOSED

    model: AnyModel = Field(default_factory=lambda: part("models", "auto"), description="Default: that of train.")
    sampler: AnySampler = Field(
        default_factory=lambda: part("samplers", "tpe"), description="How the next trial is picked."
    )
    trials: int = Field(20, ge=1, le=100_000, description="How many settings are tried.")
    timeout_s: float | None = Field(None, gt=0, description="Start no trial after this many seconds.")
    space: dict[str, Dimension] = Field(
        default={}, description="What is searched, as `model.<key>`; default: what the model suggests."
    )
    validation: AnyValidation = Field(
        default_factory=lambda: part("validations", "holdout"),
        description="How a trial is scored; default: as in train.",
    )
