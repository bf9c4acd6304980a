"""A number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import NUMERIC, Schema
from modelwright.core.errors import DataError
from modelwright.parts.base import Task

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


class Regression(Task):
    """Regression: `prediction` is a number in the target's unit."""

    kind: Literal["regression"] = "regression"
    target: str = Field(description="Column to predict.")
    metric: str | None = Field(None, description="Metric that chooses among candidates and drives tune.")

    classification: ClassVar[bool] = False
    default_metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "random", "validation": 0.15, "test": 0.15}
    example: ClassVar[Mapping[str, Any]] = {"target": "duration_min"}

    def check_target(self, schema: Schema) -> None:
        target = schema.target
        if target is None or target.type not in NUMERIC:
            kind = "missing" if target is None else f"of type {target.type}"
            raise DataError(
                f"{self.target}: the target is {kind}; regression needs numbers",
                hint="use task.kind: binary or multiclass, or give the column's type under prepare.columns "
                '(and decimal: "," under source, if numbers are written so)',
            )
        if target.minimum is None or target.minimum == target.maximum:
            raise DataError(
                f"{self.target}: the target is the same on every row of learn ({target.minimum})",
                hint="check the target's name, the cleaners and the split",
            )

    def encode(self, values: Any, schema: Schema) -> Floats:
        import numpy as np
        import pyarrow as pa

        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        from onnx import TensorProto

        graph.output("prediction", scores, TensorProto.DOUBLE, ["N"])


PART = Regression
