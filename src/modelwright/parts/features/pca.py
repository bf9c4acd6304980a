"""Fewer columns that hold most of what many correlated ones vary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import Step
from modelwright.parts.components import largest, products
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target


class Pca(Step):
    """Principal component analysis (Pearson, 1901): uncorrelated columns `pca_1`, `pca_2`, … by falling variance.

    Choose it for blocks of many correlated numbers, such as sensors or spectra; standardize them first where their
    units differ, and impute: missing values are refused. scikit-learn's twin is PCA (`covariance_eigh`), with the same
    signs; components whose variance is below 1e-12 of the first's are rounding errors in both.
    """

    kind: Literal["pca"] = "pca"
    columns: Selector = "numeric"
    components: Annotated[int, Field(ge=1, le=1000)] | Annotated[float, Field(gt=0, lt=1)] = Field(
        description="How many, or the share of the variance that they must hold, such as 0.95."
    )
    whiten: bool = Field(False, description="Give each component variance 1.")
    name: str = Field("pca", min_length=1, max_length=200, description="New columns are called NAME_1, NAME_2, …")
    keep: bool = Field(False, description="Keep the columns as they were beside the components.")

    example: ClassVar[Mapping[str, Any]] = {"components": 2}

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        most = min(len(columns.names), columns.rows)
        if columns.rows < 2:
            raise DataError("pca: learn has one row; at least two are needed")
        if self.components > most:
            raise SpecError(
                f"pca: {self.components} components of {len(columns.names)} columns and {columns.rows} rows",
                hint=f"at most {most}",
            )
        mean = sum((piece.sum(axis=0) for piece in columns.pieces()), np.zeros(len(columns.names))) / columns.rows
        variances, directions = largest(products(columns, "pca", mean) / (columns.rows - 1))
        count = self._count(variances[:most])
        scale = np.sqrt(variances[:count]) if self.whiten else np.ones(count)
        return {"mean": mean, "weights": directions[:, :count] / np.maximum(scale, np.finfo(np.float64).eps)}

    def _count(self, variances: Floats) -> int:
        import numpy as np

        if self.components >= 1:
            return int(self.components)
        total = variances.sum()
        if total == 0:
            return 1
        enough = np.searchsorted(np.cumsum(variances / total), self.components, side="right") + 1
        return min(int(enough), len(variances))

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        weights = state["weights"]
        made = graph.op("MatMul", graph.op("Sub", inputs.matrix(), state["mean"]), weights)
        return [Block(made, [f"{self.name}_{at}" for at in range(1, weights.shape[1] + 1)])]


PART = Pca
