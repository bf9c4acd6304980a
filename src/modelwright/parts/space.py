"""The space that tune searches: for each parameter a range, or the values to choose from."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, model_validator

Value = str | int | float | bool | None


class Range(BaseModel):
    """Numbers from `low` to `high`, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float = Field(description="Smallest value.")
    high: float = Field(description="Largest value.")
    log: bool = Field(
        False, description="Search on a logarithmic scale: as many trials from 0.001 to 0.01 as from 0.1 to 1."
    )
    type: Literal["float", "int"] = Field("float", description="int: whole numbers only.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must start above 0")
        if self.type == "int" and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("a range of whole numbers needs whole low and high")
        return self

    def suggest(self, trial: Any, name: str) -> int | float:
        """Ask an Optuna trial for a value."""
        if self.type == "int":
            whole: int = trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
            return whole
        number: float = trial.suggest_float(name, self.low, self.high, log=self.log)
        return number

    def grid(self, steps: int) -> list[Value]:
        """`steps` values, evenly spread on the range's own scale; whole numbers without repeats."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        spread = [low + (high - low) * step / (steps - 1) for step in range(steps)]
        values = [math.exp(value) if self.log else value for value in spread]
        values[0], values[-1] = self.low, self.high  # exp(log(x)) may miss by the last bit
        return list(dict.fromkeys(map(round, values))) if self.type == "int" else list(values)

    def holds(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


class Choices(BaseModel):
    """Any of the values listed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    choices: list[Value] = Field(min_length=1, max_length=1000, description="The values to choose from.")

    def suggest(self, trial: Any, name: str) -> Value:
        chosen: Value = trial.suggest_categorical(name, self.choices)
        return chosen

    def grid(self, steps: int) -> list[Value]:
        return list(self.choices)

    def holds(self, value: Any) -> bool:
        return value in self.choices


def _which(value: Any) -> str:
    found = value.get("choices") if isinstance(value, dict) else getattr(value, "choices", None)
    return "range" if found is None else "choices"


Dimension = Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_which)]

_READER: TypeAdapter[Range | Choices] = TypeAdapter(Dimension)


def dimension(written: Any) -> Range | Choices:
    """As a spec writes it, e.g. `{"low": 8, "high": 256, "log": True, "type": "int"}`."""
    return _READER.validate_python(written)
