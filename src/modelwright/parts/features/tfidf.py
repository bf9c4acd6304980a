"""How much each word, or run of characters, stands out in a text."""

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
    from modelwright.parts.samples import Floats, Target


class Tfidf(Step):
    """Counts of terms, weighted down for terms that many texts of learn have, each text at length 1.

    Choose it for texts in words (messages, titles, notes), with a linear model first. `analyzer: char` with
    `ngram_range: [2, 4]` forgives typing errors and suits codes and languages without spaces; keep such texts short.
    It is scikit-learn's `TfidfVectorizer`, but that each word is lowered by itself, a word outside ASCII is known in
    small letters, in capitals, with a capital first and as learn has it, and equally frequent terms are preferred by
    name. Vocabularies of very long columns (20 million words) are taken from every second, third, … text. A missing
    text is all zeros. Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
    """

    kind: Literal["tfidf"] = "tfidf"
    columns: Selector = "text"
    analyzer: Unit = "word"
    ngram_range: NgramRange = (1, 1)
    lowercase: Lowercase = True
    min_df: MinDf = 2
    max_df: MaxDf = 1.0
    max_features: MaxFeatures = 1000
    sublinear_tf: bool = Field(False, description="1 + log(count) instead of the count.")
    norm: Literal["l1", "l2"] | None = Field("l2", description="The length that each text has after all; null: as is.")
    keep: bool = Field(False, description="Keep the texts for later steps.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        return fit_terms("tfidf", self._terms(), columns)

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.text import term_counts

        blocks = []
        for name in inputs.names:
            terms, forms = state[name]["terms"], state[name]["forms"]
            weights = term_counts(graph, inputs.column(name), terms, self.analyzer, forms)
            if self.sublinear_tf:
                weights = _logarithmic(graph, weights, len(terms))
            rarity = np.log((1 + state[name]["texts"]) / (1 + np.array(state[name]["in_texts"], np.float64))) + 1
            weighted = graph.op("Mul", weights, rarity[None, :])
            if self.norm:
                weighted = graph.op("Div", weighted, _length(graph, weights, rarity, self.norm))
            blocks.append(Block(weighted, [f"{name}_tfidf_{self._terms().name(term)}" for term in terms]))
        return blocks

    def _terms(self) -> Terms:
        return Terms(self.analyzer, self.ngram_range, self.lowercase, self.min_df, self.max_df, self.max_features)


def _logarithmic(graph: GraphBuilder, counts: str, width: int) -> str:
    import numpy as np

    from modelwright.graph import steady

    one = np.array([1.0])
    logs = steady.log_matrix(graph, graph.op("Max", counts, one), width)
    return graph.op("Where", graph.op("Equal", counts, np.array([0.0])), np.array([0.0]), graph.op("Add", logs, one))


def _length(graph: GraphBuilder, weights: str, rarity: Floats, norm: Literal["l1", "l2"]) -> str:
    """[N, 1] of `weights` times `rarity`; 1 where a text has no term."""
    import numpy as np

    power = 2 if norm == "l2" else 1
    sizes = graph.op("Mul", weights, weights) if norm == "l2" else weights
    total = graph.op("MatMul", sizes, rarity[:, None] ** power)
    length = graph.op("Sqrt", total) if norm == "l2" else total
    return graph.op("Where", graph.op("Equal", total, np.array([0.0])), np.array([1.0]), length)


PART = Tfidf
