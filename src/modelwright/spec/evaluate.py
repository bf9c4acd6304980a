"""The `evaluate` section: what is measured on test rows, and what must hold before a model may be exported."""

from __future__ import annotations

from pydantic import BaseModel, Field

from modelwright.spec.choices import AnyGate, AnyMetric
from modelwright.spec.section import CLOSED


class Evaluate(BaseModel):
    """From a model to metrics with intervals, slices and gates."""

    model_config = CLOSED

    metrics: list[AnyMetric] | None = Field(None, min_length=1, description="Default: those of the task.")
    slices: list[str] = Field(default=[], description="Columns by whose values the metrics are reported as well.")
    gates: list[AnyGate] = Field(default=[], description="What must hold for the model to be exported.")
    confidence: float = Field(0.95, ge=0.5, le=0.999, description="Of the intervals around each metric.")
    resamples: int = Field(1000, ge=100, le=100_000, description="Bootstrap resamples behind each interval.")
