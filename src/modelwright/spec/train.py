"""The `train` section: which model, how it is validated, on which rows the final one is fitted, what labels follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field

from modelwright.parts import catalog
from modelwright.spec.choices import AnyModel, AnyValidation, part
from modelwright.spec.deciding import Decision
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
    calibration: Literal["none", "auto", "sigmoid", "isotonic", "temperature", "conformal"] | None = Field(
        None,
        description="Map probabilities to what happens, by rows that the model was not fitted on. auto: the least "
        "change that helps, if any. Left out, only `model: auto` does so (by temperature, where that helps). "
        "conformal is for quantiles: each is moved by one number, so that it holds what it says on new rows.",
    )
    learning_curve: bool = Field(
        False, description="Fit on more and more of learn as well, five sizes: would more rows help? Told by evaluate."
    )
    warm_start: str | None = Field(
        None,
        pattern=r"^(train/v\d{4,}|[a-z0-9][a-z0-9._-]{0,63})$",
        description="Continue from the native weights of an earlier run, with its feature steps: an alias such as "
        "champion (from nothing while there is none), or a run such as train/v0003. For lightgbm, xgboost, catboost, "
        "mlp, tabm, sgd, bernoulli_naive_bayes and multinomial_naive_bayes.",
    )
    decision: Decision | None = Field(
        None, description="How labels follow from probabilities; left out, the most probable class is predicted."
    )


def not_continued(section: Train, task: str) -> Iterator[str]:
    """Why an earlier model can't be continued."""
    if not section.model.continues:
        able = [
            kind
            for kind in catalog.builtin_kinds("models")
            if getattr(catalog.load("models", kind), "continues", False)
        ]
        yield f"{section.model.kind} can't go on from earlier weights; what can: {', '.join(able)}"
    if section.validation.kind != "holdout" or section.refit != "none":
        yield "an earlier model is continued on learn and looked at on validation: validation: holdout, refit: none"
    if task not in ("binary", "multiclass", "regression"):
        yield f"a {task} model is several models; none of them can be continued"
