"""Field types by which a spec names parts: `model: {kind: ridge}`, or `model: ridge` where that says it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from modelwright.parts import base, catalog
from modelwright.parts.naming import INNER, FromRoom, inner_errors, written_parts

__all__ = ["INNER", "FromRoom", "inner_errors", "part", "written_parts"]

if TYPE_CHECKING:
    AnyTask = base.Task
    AnyReader = base.Reader
    AnyCleaner = base.Cleaner
    AnyHistory = base.History
    AnyCheck = base.Check
    AnySplit = base.Split
    AnyStep = base.Step
    AnyModel = base.Model
    AnyValidation = base.Validation
    AnyMetric = base.Metric
    AnyGate = base.Gate
    AnySampler = base.Sampler
    AnyDriftTest = base.DriftTest
else:
    AnyTask = Annotated[base.Task, FromRoom("tasks")]
    AnyReader = Annotated[base.Reader, FromRoom("readers")]
    AnyCleaner = Annotated[base.Cleaner, FromRoom("cleaners")]
    AnyHistory = Annotated[base.History, FromRoom("history")]
    AnyCheck = Annotated[base.Check, FromRoom("checks")]
    AnySplit = Annotated[base.Split, FromRoom("splits")]
    AnyStep = Annotated[base.Step, FromRoom("features")]
    AnyModel = Annotated[base.Model, FromRoom("models")]
    AnyValidation = Annotated[base.Validation, FromRoom("validations")]
    AnyMetric = Annotated[base.Metric, FromRoom("metrics")]
    AnyGate = Annotated[base.Gate, FromRoom("gates")]
    AnySampler = Annotated[base.Sampler, FromRoom("samplers")]
    AnyDriftTest = Annotated[base.DriftTest, FromRoom("drift")]


def part(room: str, kind: str) -> Any:
    """A part with all its defaults, for a field that the spec leaves out."""
    return catalog.load(room, kind)(kind=kind)
