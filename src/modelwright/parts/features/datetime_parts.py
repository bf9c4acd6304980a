"""Year, month, hour, weekday and so on of a timestamp, in its local time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import Step
from modelwright.parts.column_types import check_types
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target

PartName = Literal[
    "year", "quarter", "month", "week", "day", "dayofyear", "weekday", "hour", "minute", "second", "days_in_month",
    "is_weekend", "is_month_start", "is_month_end", "is_quarter_start", "is_quarter_end", "is_year_start",
    "is_year_end",
]  # fmt: skip

YEARS_AROUND = 25  # around learn's times, for which changes of the zone's offset are kept


class DatetimeParts(Step):
    """Numbers from a timestamp, in the time zone of its column (UTC where none is declared); weekday 0 is Monday.

    They are those of pandas, `week` that of ISO 8601; parts that begin with `is_` are 1 or 0. Missing stays missing.

    `cyclical` gives each part that comes round again as a point on a circle (sine and cosine), so that 23 h is near
    0 h: choose it for linear models and networks. Changes of a zone's offset are known for 25 years around learn.
    """

    kind: Literal["datetime_parts"] = "datetime_parts"
    columns: Selector = "timestamp"
    parts: list[PartName] = Field(
        ["month", "day", "weekday", "hour"], min_length=1, description="Which numbers to take."
    )
    cyclical: bool = Field(
        False, description="Sine and cosine instead of numbers that come round again (hour, not year)."
    )
    keep: bool = Field(False, description="Keep the timestamp for later steps.")

    example: ClassVar[Mapping[str, Any]] = {}

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "timestamp")
        state: State = {}
        for name in columns.names:
            state[name] = _zone(columns.timezone(name), columns.values(name))
        return state

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block, stacked
        from modelwright.graph.builder import NUMBER
        from modelwright.graph.calendar import PARTS, Calendar

        blocks = []
        for name in inputs.names:
            calendar = Calendar(graph, inputs.column(name), state[name]["instants"], state[name]["offsets"])
            tensors, names = [], []
            for part in self.parts:
                span = PARTS[part]
                number = calendar.part(part)
                if not (self.cyclical and span):
                    tensors.append(graph.cast(number, NUMBER))
                    names.append(f"{name}_{part}")
                    continue
                first, count = span
                angle = 2 * np.pi * np.arange(count) / count  # looked up, not computed: the same bits everywhere
                place = graph.op("Sub", number, np.array([first])) if first else number
                tensors += [graph.op("Gather", np.sin(angle), place), graph.op("Gather", np.cos(angle), place)]
                names += [f"{name}_{part}_sin", f"{name}_{part}_cos"]
            known = [graph.op("Where", calendar.missing, np.array([np.nan]), tensor) for tensor in tensors]
            blocks.append(Block(stacked(graph, known), names))
        return blocks


def _zone(timezone: str | None, micros: Any) -> dict[str, Any]:
    """The changes of a zone's offset around the times that learn has."""
    import numpy as np

    from modelwright.graph.calendar import transitions
    from modelwright.graph.encoders import NO_TIME

    known = micros[micros != NO_TIME]
    if timezone in (None, "UTC") or not len(known):
        return {"instants": np.zeros(0, np.int64), "offsets": np.zeros(1, np.int64)}
    first, last = (1970 + int(at) // (31_556_952 * 1_000_000) for at in (known.min(), known.max()))
    years = np.clip([first - YEARS_AROUND, last + YEARS_AROUND], 1900, 2200)
    try:
        instants, offsets = transitions(str(timezone), int(years[0]), int(years[1]))
    except (KeyError, ValueError, OSError) as error:
        raise SpecError(f"no time zone {timezone!r} on this machine", hint="use a name such as Europe/Kyiv") from error
    return {"instants": instants, "offsets": offsets}


PART = DatetimeParts
