"""The `monitor` section: which predictions are looked at, against which truth, and what counts as an alert."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, field_validator, model_validator

from modelwright.core.units import parse_duration_s
from modelwright.spec.choices import AnyDriftTest, AnyMetric, AnyReader
from modelwright.spec.labels import LabelsBesideReader
from modelwright.spec.section import CLOSED


class Window(BaseModel):
    """Which part of the log is the current side."""

    model_config = CLOSED

    last: str = Field("7d", description="How far back, e.g. 90m, 24h, 7d or 2w.")
    until: AwareDatetime | None = Field(None, description="Its end, in RFC 3339 with a zone; default: the newest row.")

    @field_validator("last")
    @classmethod
    def _is_a_duration(cls, text: str) -> str:
        if parse_duration_s(text) <= 0:
            raise ValueError("must be longer than nothing")
        return text


class Retrain(BaseModel):
    """When alerts are taken seriously enough to train again."""

    model_config = CLOSED

    after: int = Field(2, ge=1, le=1000, description="So many alerts …")
    of: int = Field(3, ge=1, le=1000, description="… among so many of the last reports.")

    @model_validator(mode="after")
    def _can_happen(self) -> Self:
        if self.after > self.of:
            raise ValueError("after must not be larger than of")
        return self


class Monitor(BaseModel):
    """From logged predictions to drift, performance and a decision."""

    model_config = CLOSED

    source: AnyReader | None = Field(None, description="Rows to look at; default: the prediction log of serve.")
    window: Window | None = Field(None, description="Which of them; default: all.")
    labels: LabelsBesideReader | None = Field(
        None, description="Where the truth arrives; without it only drift is reported."
    )
    tests: Literal["auto"] | list[AnyDriftTest] = Field("auto", description="Drift tests, or what suits each column.")
    alpha: float = Field(0.01, gt=0, le=0.5, description="Chance of a false alarm per report, over all columns.")
    effect: float = Field(0.05, ge=0, le=1, description="Smallest change worth an alert, however certain.")
    retrain: Retrain | None = Field(None, description="When the decision is to train again.")
    metrics: list[AnyMetric] | None = Field(
        None, min_length=1, description="Measured where labels are known; default: the task's."
    )
