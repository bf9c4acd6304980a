"""How often each word, or run of characters, is in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector
from modelwright.parts.vocabulary import Lowercase, MaxDf, MaxFeatures, MinDf, NgramRange, Terms, Unit, fit_terms

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Count(Step):
    """A column for each term of learn's texts; a missing text has none.

    Choose it over `tfidf` for trees, and where a count has a meaning of its own. It is scikit-learn's
    `CountVectorizer`, but that each word is lowered by itself, a word outside ASCII is known in small letters, in
    capitals, with a capital first and as learn has it, and equally frequent terms are preferred by name. Vocabularies
    of very long columns (20 million words) are taken from every second, third, … text.
    """

    kind: Literal["count"] = "count"
    columns: Selector = "text"
    analyzer: Unit = "word"
    ngram_range: NgramRange = (1, 1)
    lowercase: Lowercase = True
    min_df: MinDf = 2
    max_df: MaxDf = 1.0
    max_features: MaxFeatures = 1000
    binary: bool = Field(False, description="1 for a term that is there, however often.")
    keep: bool = Field(False, description="Keep the texts for later steps.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        return fit_terms("count", self._terms(), columns)

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.text import term_counts

        blocks = []
        for name in inputs.names:
            terms, forms = state[name]["terms"], state[name]["forms"]
            counts = term_counts(graph, inputs.column(name), terms, self.analyzer, forms)
            if self.binary:
                counts = graph.op("Min", counts, np.array([1.0]))
            blocks.append(Block(counts, [f"{name}_count_{self._terms().name(term)}" for term in terms]))
        return blocks

    def _terms(self) -> Terms:
        return Terms(self.analyzer, self.ngram_range, self.lowercase, self.min_df, self.max_df, self.max_features)


PART = Count
