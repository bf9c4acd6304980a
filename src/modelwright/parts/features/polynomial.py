"""Products and powers of columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement
from math import comb
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import Step
from modelwright.parts.numbers import numbers
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target

MOST_TERMS = 2000


class Polynomial(Step):
    """All products of up to `degree` columns: `x`, `y`, `x^2`, `x*y`, `y^2`, in the order of scikit-learn's twin,
    PolynomialFeatures (without its bias).

    Choose it before linear models when columns work together (length and width), on few columns and standardized ones:
    the number of terms grows fast, at most 2,000 are made. A term is missing where a factor is, or where the product is
    too large for float64. With `keep` the columns themselves are not made again.
    """

    kind: Literal["polynomial"] = "polynomial"
    columns: Selector = "numeric"
    degree: int = Field(2, ge=2, le=6, description="The most factors of one term.")
    interaction_only: bool = Field(False, description="Only products of different columns, no powers.")
    keep: bool = Field(False, description="Keep the columns where they are; only products and powers are added.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        for name in columns.names:
            numbers(columns, name)
        width = len(columns.names)
        count = sum(
            comb(width, factors) if self.interaction_only else comb(width + factors - 1, factors)
            for factors in range(1, self.degree + 1)
        )
        if count > MOST_TERMS:
            raise SpecError(
                f"polynomial: {width} columns make {count} terms; at most {MOST_TERMS} are allowed",
                hint="name fewer columns, a lower degree or interaction_only: true",
            )
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.powers import finite

        choose = combinations if self.interaction_only else combinations_with_replacement
        matrix = inputs.matrix()
        terms: list[tuple[int, ...]] = [(at,) for at in range(len(inputs.names))]
        blocks = [] if self.keep else [Block(matrix, inputs.names)]
        product = matrix
        for factors in range(2, self.degree + 1):
            place = {term: at for at, term in enumerate(terms)}
            terms = list(choose(range(len(inputs.names)), factors))
            if not terms:
                break
            shorter = graph.op("Gather", product, np.array([place[term[:-1]] for term in terms]), axis=1)
            last = graph.op("Gather", matrix, np.array([term[-1] for term in terms]), axis=1)
            product = graph.op("Mul", shorter, last)
            blocks.append(Block(finite(graph, product), [_label(term, inputs.names) for term in terms]))
        return blocks


def _label(term: Sequence[int], names: Sequence[str]) -> str:
    """`x^2*y` for (0, 0, 1)."""
    powers = Counter(term)
    return "*".join(names[at] + (f"^{power}" if power > 1 else "") for at, power in powers.items())


PART = Polynomial
