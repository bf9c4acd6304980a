"""Fewer columns from many that are mostly zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import Step
from modelwright.parts.components import largest, products
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Svd(Step):
    """Truncated singular value decomposition: `pca` without taking the mean off, so that zeros stay zeros.

    Choose it for counts and tf-idf of words (latent semantic analysis, Deerwester et al., 1990) and for 0/1 columns.
    Impute first: missing values are refused. scikit-learn's twin is TruncatedSVD (`arpack`), with the same signs.
    """

    kind: Literal["svd"] = "svd"
    columns: Selector = "numeric"
    components: int = Field(ge=1, le=1000, description="How many new columns; at most as many as there are old ones.")
    name: str = Field("svd", min_length=1, max_length=200, description="New columns are called NAME_1, NAME_2, …")
    keep: bool = Field(False, description="Keep the columns as they were beside the components.")

    example: ClassVar[Mapping[str, Any]] = {"components": 2}

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        most = min(len(columns.names), columns.rows)
        if self.components > most:
            raise SpecError(
                f"svd: {self.components} components of {len(columns.names)} columns and {columns.rows} rows",
                hint=f"at most {most}",
            )
        _, directions = largest(products(columns, "svd", np.zeros(len(columns.names))))
        return {"weights": directions[:, : self.components]}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        made = graph.op("MatMul", inputs.matrix(), state["weights"])
        return [Block(made, [f"{self.name}_{at}" for at in range(1, self.components + 1)])]


PART = Svd
