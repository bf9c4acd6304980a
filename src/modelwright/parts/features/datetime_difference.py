"""The time between two timestamps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import Step
from modelwright.parts.column_types import check_types
from modelwright.parts.moments import in_utc, read_moment
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target

MICROSECONDS = {"seconds": 1e6, "minutes": 60e6, "hours": 3600e6, "days": 86_400e6, "weeks": 604_800e6}


def _is_moment(text: str) -> bool:
    return text[:4].isdecimal() and text[4:5] == "-"


def _checked(text: str) -> str:
    if _is_moment(text):
        read_moment(text)
    return text


class DatetimeDifference(Step):
    """How long after `since` each timestamp is; negative before it; missing where either is.

    Choose it for waiting times, ages and a trend in time (days since a date). It counts what a clock that never jumps
    shows: a day is 24 hours, also where summer time begins. A date without an offset is in the zone of its column.
    """

    kind: Literal["datetime_difference"] = "datetime_difference"
    columns: Selector
    since: Annotated[str, AfterValidator(_checked)] = Field(
        description="Another timestamp column, or a moment such as 2026-01-31 or 2026-01-31T06:00:00Z."
    )
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = Field("hours", description="What 1 means.")
    keep: bool = Field(False, description="Keep the timestamps, the one of `since` among them, for later steps.")

    example: ClassVar[Mapping[str, Any]] = {"columns": ["finished_at"], "since": "requested_at", "unit": "minutes"}

    def selects(self) -> str | list[str]:
        chosen = [self.columns] if isinstance(self.columns, str) else self.columns
        return chosen if _is_moment(self.since) else [*chosen, self.since]

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        from modelwright.graph.encoders import EPOCH, MICROSECOND

        check_types(self.kind, columns, "timestamp")
        if not _is_moment(self.since):
            if columns.names == (self.since,):
                raise SpecError(f'{self.kind}: "{self.since}" is the only timestamp', hint="name another in columns")
            return {}
        moment = read_moment(self.since)
        return {name: (in_utc(moment, columns.timezone(name)) - EPOCH) // MICROSECOND for name in columns.names}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block, stacked
        from modelwright.graph.builder import NUMBER
        from modelwright.graph.encoders import NO_TIME

        names = [name for name in inputs.names if state or name != self.since]
        tensors = []
        for name in names:
            at = inputs.column(name)
            missing = graph.op("Equal", at, np.array([NO_TIME]))
            since = np.array([state[name]]) if state else inputs.column(self.since)
            if not state:
                missing = graph.op("Or", missing, graph.op("Equal", since, np.array([NO_TIME])))
            # Whole numbers until here: float64 holds microseconds of 285 years.
            microseconds = graph.cast(graph.op("Sub", at, since), NUMBER)
            length = graph.op("Div", microseconds, np.array([MICROSECONDS[self.unit]]))
            tensors.append(graph.op("Where", missing, np.array([np.nan]), length))
        suffix = self.unit if state else f"since_{self.since}_{self.unit}"
        return [Block(stacked(graph, tensors), [f"{name}_{suffix}" for name in names])]


PART = DatetimeDifference
