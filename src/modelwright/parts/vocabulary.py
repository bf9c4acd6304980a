"""The terms of texts that `count` and `tfidf` turn into columns: the settings they share, and how terms are chosen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from modelwright.core.errors import DataError
from modelwright.parts.column_types import check_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.samples import FitColumns

    Texts = Sequence[str] | NDArray[Any]

MOST_TERMS = 20_000_000  # occurrences that are looked at while fitting: half a minute's work
LETTERS_PER_WORD = 6
WORDS_OF_PROSE = 10


def _ordered(sizes: tuple[int, int]) -> tuple[int, int]:
    if sizes[0] > sizes[1]:
        raise ValueError(f"the first of {list(sizes)} must not be above the second")
    return sizes


Size = Annotated[int, Field(ge=1, le=8)]
Unit = Annotated[
    Literal["word", "char"], Field(description="Count words (of two or more letters or digits), or characters.")
]
NgramRange = Annotated[
    tuple[Size, Size],
    AfterValidator(_ordered),
    Field(description="Least and most neighbouring words (or characters) that make one term."),
]
Lowercase = Annotated[bool, Field(description="Whether capitals count as small letters.")]
MinDf = Annotated[int, Field(ge=1, le=1_000_000, description="Texts of learn that a term must be in.")]
MaxDf = Annotated[float, Field(gt=0, le=1, description="Share of learn's texts above which a term says nothing.")]
MaxFeatures = Annotated[
    int, Field(ge=1, le=20_000, description="Most columns for one input: the terms that occur most often on learn.")
]


@dataclass(frozen=True)
class Terms:
    """Which terms are wanted."""

    unit: Literal["word", "char"]
    ngram_range: tuple[int, int]
    lowercase: bool
    min_df: int
    max_df: float
    max_features: int

    def of(self, text: str) -> list[tuple[str, ...]]:
        """All terms of one text, each as its tokens."""
        from modelwright.graph.text import tokens

        cut = tokens(text, self.unit, self.lowercase)
        shortest, longest = self.ngram_range
        if longest == 1:
            return [(token,) for token in cut]
        sizes = range(shortest, longest + 1)
        return [tuple(cut[at : at + size]) for size in sizes for at in range(len(cut) - size + 1)]

    def name(self, term: Sequence[str]) -> str:
        return ("" if self.unit == "char" else " ").join(term)


def fit_terms(step: str, wanted: Terms, columns: FitColumns) -> dict[str, Any]:
    """For each column: `terms` (lists of tokens, sorted by name), how many of `texts` each is `in_texts`, `forms`."""
    check_types(step, columns, "text")
    state = {}
    for name in columns.names:
        state[name] = _chosen(wanted, columns.values(name))
        if not state[name]["terms"]:
            raise DataError(
                f'{step}: no {wanted.unit} of "{name}" is in {wanted.min_df} texts of learn',
                hint=f"lower min_df, or leave it out: {{kind: drop, columns: [{name}]}}",
            )
    return state


def is_prose(texts: Texts, min_df: int) -> bool:
    """Whether words come back in other texts, as those of messages do and those of names of things do not."""
    wanted = Terms("word", (1, 1), True, min_df, 1.0, MOST_TERMS)
    return len(_chosen(wanted, texts)["terms"]) >= WORDS_OF_PROSE


def _chosen(wanted: Terms, texts: Texts) -> dict[str, Any]:
    seen = _sampled(wanted, texts)
    total: Counter[tuple[str, ...]] = Counter()
    documents: Counter[tuple[str, ...]] = Counter()
    for text in seen:
        found = wanted.of(text)
        total.update(found)
        documents.update(set(found))
    most = wanted.max_df * len(seen)
    kept = [term for term, count in documents.items() if wanted.min_df <= count <= most]
    if len(kept) > wanted.max_features:
        kept = sorted(kept, key=lambda term: (-total[term], wanted.name(term)))[: wanted.max_features]
    kept.sort(key=wanted.name)
    return {
        "terms": [list(term) for term in kept],
        "in_texts": [documents[term] for term in kept],
        "texts": len(seen),
        "forms": _forms(wanted, kept, seen) if wanted.lowercase else {},
    }


def _sampled(wanted: Terms, texts: Texts) -> Texts:
    """All texts, or every second, third, … of so many that counting would take too long."""
    sizes = wanted.ngram_range[1] - wanted.ngram_range[0] + 1
    terms = sum(map(len, texts)) * sizes // (LETTERS_PER_WORD if wanted.unit == "word" else 1)
    return texts[:: math.ceil(terms / MOST_TERMS)] if terms > MOST_TERMS else texts


def _forms(wanted: Terms, kept: Iterable[tuple[str, ...]], texts: Texts) -> dict[str, list[str]]:
    """How each token may be written; never empty, which would mean that capitals count."""
    from modelwright.graph.text import WORD, forms_of

    needed = {token for term in kept for token in term}
    seen: dict[str, set[str]] = {}
    for text in texts if wanted.unit == "word" else ():
        for word in () if text.isascii() else WORD.findall(text):
            if not word.isascii() and word.lower() in needed:
                seen.setdefault(word.lower(), set()).add(word)
    return {token: forms_of(token, wanted.unit, seen.get(token, ())) for token in sorted(needed)}
