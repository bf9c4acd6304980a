"""The `prepare.contract` section: where the schema is pinned, and what each departure from it means."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from modelwright.spec.section import CLOSED

Meaning = Literal["ignore", "warn", "error"]


class PinnedContract(BaseModel):
    """The columns that data has to come with, pinned by `modelwright prepare SPEC --pin`."""

    model_config = CLOSED

    file: str = Field(min_length=1, description="Where it is pinned, relative to the spec, e.g. rides.contract.json.")
    new_category: Meaning = Field("warn", description="A text value that was not among the few there were.")
    new_column: Meaning = Field("warn", description="A column that was not there.")
    lost_column: Meaning = Field("error", description="A column that is gone.")
    type_change: Meaning = Field("error", description="A column of another type; whole numbers pass as numbers.")
    new_missing: Meaning = Field("warn", description="A column with missing values that had none.")
