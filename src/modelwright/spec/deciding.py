"""`train.decision`: which label follows from the probabilities, where errors don't all cost the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from modelwright.spec.section import CLOSED

Cost = Annotated[float, Field(ge=0, le=1e12)]
ONE_OF = ("threshold", "f_beta", "costs")


class Decision(BaseModel):
    """By default the most probable class is predicted; one of these keys says otherwise."""

    model_config = CLOSED

    threshold: float | None = Field(
        None, gt=0, lt=1, description="Two classes: predict the positive one from this probability on."
    )
    f_beta: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Two classes: the threshold of the best F-beta on rows that the model was not fitted on; 1 counts "
        "precision and recall alike, 2 recall more.",
    )
    costs: dict[str, Cost | dict[str, Cost]] | None = Field(
        None,
        min_length=1,
        description="What errors cost. Two classes: {false_positive: 1, false_negative: 5}, and the threshold of least "
        "cost on rows that the model was not fitted on. Any classes: {TRUE: {PREDICTED: 5}}, 1 for errors that are not "
        "named (of ordinal classes, how many steps they are apart), and the label of the least expected cost.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Decision:
        given = [name for name in ONE_OF if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of {', '.join(ONE_OF)}; here are {len(given)}")
        return self


def not_for(decision: Decision, task: str, classification: bool) -> Iterator[str]:
    """Why the task can't be decided so."""
    if not classification:
        yield f"only classes are decided by probabilities; {task} has none"
    elif task != "binary" and decision.costs is None:
        yield f"a threshold is for two classes, not for {task}; costs: {{TRUE: {{PREDICTED: 5}}}} are for several"
