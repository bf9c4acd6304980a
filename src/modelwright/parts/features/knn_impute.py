"""Fills missing values from the most similar rows of learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import all_missing, known, sampled_rows
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class KnnImpute(Step):
    """The mean of the nearest donors that have the value (Troyanskaya et al., 2001): distance over the columns that
    both rows have, scaled up for those they have not. A row without any value gets the donors' means.

    Choose it for a few correlated columns whose relations are no straight lines; standardize them first, as distances
    add up over columns. The donors are drawn from learn and **are in the graph: it contains rows of your data**. Each
    makes scoring slower (500: about 15 µs per row with missing values). Ties go to the earlier donor. scikit-learn's
    twin is KNNImputer fitted on the donors.
    """

    kind: Literal["knn_impute"] = "knn_impute"
    columns: Selector = "numeric"
    neighbors: int = Field(5, ge=1, le=100, description="How many donors are averaged.")
    weights: Literal["uniform", "distance"] = Field(
        "uniform", description="All donors alike, or by the inverse of their distance."
    )
    donors: int = Field(500, ge=1, le=5000, description="Rows of learn to draw as donors and to put in the graph.")
    indicator: bool = Field(False, description="Add a column NAME_missing where learn had missing values.")
    keep: bool = Field(False, description="Keep the columns as they were beside the filled ones.")

    contains_rows: ClassVar[bool] = True

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fills(self) -> str | list[str] | None:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        missing, means = [], []
        for name in columns.names:
            values = known(columns, name)
            if not len(values):
                raise all_missing("knn_impute", name)
            means.append(float(values.mean()))
            if len(values) < columns.rows:
                missing.append(name)
        donors = sampled_rows(columns, self.donors)
        empty = np.isnan(donors).all(axis=0)
        averages = np.where(empty, 0.0, np.where(np.isnan(donors), 0.0, donors).sum(axis=0))
        averages /= np.maximum((~np.isnan(donors)).sum(axis=0), 1)
        return {"donors": donors, "means": np.where(empty, means, averages), "missing": missing}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block
        from modelwright.graph.missing import flags
        from modelwright.graph.neighbors import Donors

        donors = Donors(graph, state["donors"], state["means"], self.neighbors, self.weights == "distance")
        filled = donors.fill(inputs.matrix())
        return [Block(filled, inputs.names), *flags(graph, inputs, state["missing"] if self.indicator else [])]


PART = KnnImpute
