"""What all sections of the spec share: unknown keys are errors, and nothing changes after validation."""

from pydantic import ConfigDict

CLOSED = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
