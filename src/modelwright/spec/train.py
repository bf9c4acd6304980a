"""The `train` section: which model, how it is validated, on which rows the final one is fitted."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from modelwright.spec.choices import AnyModel, AnyValidation, part
from modelwright.spec.section import CLOSED


class Train(BaseModel):
    """From features to one graph."""

    model_config = CLOSED

    model: AnyModel = Field(default_factory=lambda: part("models", "auto"), description="The estimator.")
    validation: AnyValidation = Field(
        default_factory=lambda: part("validations", "holdout"),
        description="How the model's scores on unseen rows are found out.",
    )
    refit: Literal["none", "learn+validation"] = Field(
        "none", description="Fit the final model again on more rows, once all choices are made; never on test."
    )
