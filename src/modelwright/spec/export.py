"""The `export` section: how exact and how large the bundle may be, and what container it goes into."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from modelwright.spec.section import CLOSED

# What a container registry calls a reference; nothing a shell could run.
IMAGE_PATTERN = r"^[a-z0-9][a-z0-9._/:@-]{0,254}$"


class Container(BaseModel):
    """The image that the Dockerfile makes, and how the cluster's files run it."""

    model_config = CLOSED

    base: str = Field("python:3.11-slim", pattern=IMAGE_PATTERN, description="Image that the container is built from.")
    image: str | None = Field(
        None,
        pattern=IMAGE_PATTERN,
        description="What the built image is called, with its registry; default: the model's name and digest.",
    )
    replicas: int = Field(2, ge=1, le=1000, description="Pods that always run.")
    max_replicas: int = Field(10, ge=1, le=10_000, description="Pods that run when there is much to do.")
    memory_mb: int = Field(512, ge=64, le=1_000_000, description="Memory that a pod asks for and may have.")


class Export(BaseModel):
    """From a model that passed its gates to a bundle."""

    model_config = CLOSED

    tolerance: float = Field(
        1e-5, ge=0, le=0.1, description="Largest difference between the graph and the native model."
    )
    precision: Literal["float64", "float32", "float16", "int8"] = Field(
        "float64",
        description="What the graph computes in: float64, or float32; float16 and int8 also store weights in less.",
    )
    precision_tolerance: float | None = Field(
        None, ge=0, le=1, description="How much that may change predictions on the test rows; default: tolerance."
    )
    max_mb: float = Field(512, gt=0, le=100_000, description="Largest bundle, in megabytes.")
    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="Which build of ONNX Runtime the lock names: for processors, or for NVIDIA's GPUs."
    )
    container: Container | None = Field(
        Container(), description="The Dockerfile and the files for Kubernetes and KServe; null for none."
    )
