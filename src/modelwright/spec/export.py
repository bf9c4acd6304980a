"""The `export` section: how exact and how large the bundle may be, and what container it goes into."""

from __future__ import annotations

from pydantic import BaseModel, Field

from modelwright.spec.section import CLOSED

IMAGE_PATTERN = (
    r"^[a-z0-9][a-z0-9._/:@-]{0,254}$"  # what a container registry calls a reference; nothing a shell could run
)


class Container(BaseModel):
    """Asks for a Dockerfile in the bundle, and modelwright itself as a wheel for the image."""

    model_config = CLOSED

    base: str = Field("python:3.11-slim", pattern=IMAGE_PATTERN, description="Image that the container is built from.")


class Export(BaseModel):
    """From a model that passed its gates to a bundle."""

    model_config = CLOSED

    tolerance: float = Field(
        1e-5, ge=0, le=0.1, description="Largest difference between the graph and the native model."
    )
    max_mb: float = Field(512, gt=0, le=100_000, description="Largest bundle, in megabytes.")
    container: Container | None = Field(None, description="Also write a Dockerfile and what it needs.")
