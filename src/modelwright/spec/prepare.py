"""The `prepare` section: where rows come from, what must hold of them, how they are split and made features."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from modelwright.core.names import did_you_mean
from modelwright.core.units import parse_bytes
from modelwright.spec.choices import AnyCheck, AnyCleaner, AnyHistory, AnyReader, AnySplit, AnyStep
from modelwright.spec.contract import PinnedContract
from modelwright.spec.section import CLOSED


class ColumnSpec(BaseModel):
    """What the spec says of one column; whatever it leaves out is found out from the data."""

    model_config = CLOSED

    type: Literal["number", "integer", "boolean", "category", "text", "timestamp"] | None = Field(
        None,
        description="Type at rest; inferred from all rows where absent. category: texts, or codes of digits, of which "
        "learn has all that matter, however many they are.",
    )
    role: Literal["input", "id", "time", "entity", "weight", "ignore"] = Field(
        "input", description="id, time and entity are logged, never scored; weight weighs rows; ignore drops it."
    )
    timezone: str | None = Field(None, description="Zone of timestamps that name none, e.g. Europe/Kyiv.")
    nullable: bool | None = Field(None, description="May be missing when scoring, even if it never was in learn.")
    format: str | list[str] | None = Field(None, description="Date format(s) in strptime's letters, tried in order.")

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        from zoneinfo import ZoneInfo, available_timezones

        try:
            ZoneInfo(name or "UTC")
        except (KeyError, ValueError, OSError):
            message = f'"{name}" is no time zone{did_you_mean(str(name), available_timezones())}'
            raise PydanticCustomError("timezone", "{message}", {"message": message}) from None
        return name


class Prepare(BaseModel):
    """From raw rows to typed, split, featured tables."""

    model_config = CLOSED

    source: AnyReader = Field(description="Where the rows come from.")
    columns: dict[str, ColumnSpec] = Field(
        default={}, description="What to know of columns beyond what the data shows."
    )
    clean: list[AnyCleaner] = Field(
        default=[], description="What is done to rows, in order, before anything is fitted."
    )
    history: list[AnyHistory] = Field(
        default=[], description="Columns made of each row's past, computed from the cleaned rows; inputs for serving."
    )
    checks: list[AnyCheck] = Field(default=[], description="What must hold of the cleaned rows.")
    contract: PinnedContract | None = Field(
        None, description="What the columns of the source have to be; see `modelwright prepare --pin`."
    )
    split: AnySplit | None = Field(
        None, description="Who is learnt from, validated and tested on; default: the task's."
    )
    features: Literal["auto"] | list[AnyStep] = Field("auto", description="Feature steps in order, or auto.")
    matrix: bool = Field(
        False, description="Also write the feature matrix of each split, `learn_features.parquet` …, for other tools."
    )
    max_reject_share: float = Field(0.01, ge=0, le=1, description="Unreadable rows beyond this share are an error.")
    memory: str = Field(
        "1GB", description="Memory of the whole command, about: tables spill to disk beyond it. Best 512MB or more."
    )

    @field_validator("memory")
    @classmethod
    def _is_a_size(cls, text: str) -> str:
        if parse_bytes(text) < parse_bytes("64MB"):
            raise ValueError("must be at least 64MB")
        return text
