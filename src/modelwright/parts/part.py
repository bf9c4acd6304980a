"""What every part is: a frozen pydantic model that a spec names by `kind:`."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Part(BaseModel, ABC):
    """Anything a spec names by `kind:`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str

    example: ClassVar[Mapping[str, Any]] = {}  # the required keys, as the contract tests and the docs write them
