"""The `train` section: which model, how it is validated, on which rows the final one is fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from modelwright.spec.choices import AnyModel, part
from modelwright.spec.section import CLOSED


class Holdout(BaseModel):
    """Fit on learn, look at validation."""

    model_config = CLOSED

    kind: Literal["holdout"] = "holdout"
    strict: bool = Field(False, description="Fit the feature steps on the rows of learn only (they always are here).")


class KFold(BaseModel):
    """Fit on all but one fold of learn, predict that fold, for every fold."""

    model_config = CLOSED

    kind: Literal["kfold"] = "kfold"
    folds: int = Field(5, ge=2, le=20, description="How many folds.")
    strict: bool = Field(False, description="Fit the feature steps inside each fold again.")


Validation = Annotated[Holdout | KFold, Field(discriminator="kind")]


class Train(BaseModel):
    """From features to one graph."""

    model_config = CLOSED

    model: AnyModel = Field(default_factory=lambda: part("models", "auto"), description="The estimator.")
    validation: Validation = Field(Holdout(), description="How the model's scores on unseen rows are found out.")
    refit: Literal["none", "learn+validation"] = Field(
        "none", description="Fit the final model again on more rows, once all choices are made; never on test."
    )
