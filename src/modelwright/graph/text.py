"""Counts terms (words, characters and runs of them) of texts inside the graph, by ONNX Runtime's own operators.

A text is cut by a regular expression; its tokens become numbers, and runs of numbers are looked up and counted. What a
letter is follows RE2's Unicode tables, which may know other characters than Python's.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from modelwright.graph.builder import CONTRIB, INTEGER, ML, NUMBER

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

Unit = Literal["word", "char"]

WORD = re.compile(r"\w\w+")
SPACES = re.compile(r"\s\s+")
RE2_WORD = r"[\p{L}\p{N}_]"
RE2_SPACE = r"[\x{9}-\x{d}\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
TOKENS = {"word": RE2_WORD + "{2,}", "char": RE2_SPACE + "{2,}|(?s:.)"}
UNKNOWN = 0


def tokens(text: str, unit: Unit, lowercase: bool) -> list[str]:
    """What the graph cuts a text into: words of two and more letters, digits or `_`; or characters.

    scikit-learn's default, but that each token is lowered by itself; runs of white space are one space.
    """
    if unit == "char":
        cut = list(SPACES.sub(" ", text))
    elif lowercase and text.isascii():  # the same words, in a third of the time
        return WORD.findall(text.lower())
    else:
        cut = WORD.findall(text)
    return [_lowered(token, unit) for token in cut] if lowercase else cut


def _lowered(token: str, unit: Unit) -> str:
    lowered = token.lower()
    return token if unit == "char" and len(lowered) > 1 else lowered  # a dotted capital I would be two characters


def term_counts(
    graph: GraphBuilder, column: str, terms: Sequence[Sequence[str]], unit: Unit, forms: Mapping[str, Iterable[str]]
) -> str:
    """[N, len(terms)] float64: how often each term, a run of tokens, is in each text.

    `forms` are the ways in which a token may be written; empty where only as it is.
    """
    texts = graph.op("Concat", column, np.array(["aa"], object), axis=0)  # these operators refuse to take no rows
    if forms and unit == "word":
        texts = graph.op("StringNormalizer", texts, case_change_action="LOWER", locale="C")  # lowers ASCII only
    cut = tokenized(graph, texts, TOKENS[unit])
    numbers = {token: at for at, token in enumerate(sorted({token for term in terms for token in term}), UNKNOWN + 1)}
    written = {form: number for token, number in numbers.items() for form in (token, *forms.get(token, ()))}
    ids = graph.op(
        "LabelEncoder",
        cut,
        domain=ML,
        keys_strings=list(written),
        values_int64s=list(written.values()),
        default_int64=UNKNOWN,
    )
    if unit == "char" and " " in numbers:
        run = graph.op("RegexFullMatch", cut, pattern=RE2_SPACE + "{2,}")
        ids = graph.op("Where", run, np.array([numbers[" "]]), ids)
    counts = _runs_counted(graph, ids, [[numbers[token] for token in term] for term in terms])
    return graph.cast(graph.op("Slice", counts, np.array([0]), np.array([-1]), np.array([0])), NUMBER)


def tokenized(graph: GraphBuilder, texts: str, pattern: str) -> str:
    """[N, L]: all that matches in each text, in order; '' beyond. It takes no less than one row."""
    return graph.op("Tokenizer", texts, domain=CONTRIB, mark=0, mincharnum=1, pad_value="", tokenexp=pattern)


def matches_counted(graph: GraphBuilder, column: str, pattern: str) -> str:
    """[N] int64: how many parts of each text match."""
    texts = graph.op("Concat", column, np.array(["a0A a"], object), axis=0)
    none = graph.op("Equal", tokenized(graph, texts, pattern), np.array([""], object))
    found = graph.cast(graph.op("Not", none), INTEGER)
    counts = graph.op("ReduceSum", found, np.array([1]), keepdims=0)
    return graph.op("Slice", counts, np.array([0]), np.array([-1]), np.array([0]))


def _runs_counted(graph: GraphBuilder, ids: str, runs: Sequence[Sequence[int]]) -> str:
    longest = max(len(run) for run in runs)
    pool: list[int] = []
    starts: list[int] = []
    places: list[int] = []
    for length in range(1, longest + 1):
        starts.append(len(pool))
        for at, run in enumerate(runs):
            if len(run) == length:
                pool += run
                places.append(at)
    return graph.op(
        "TfIdfVectorizer",
        ids,
        mode="TF",
        min_gram_length=min(len(run) for run in runs),
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=starts,
        ngram_indexes=places,
        pool_int64s=pool,
    )


def forms_of(token: str, unit: Unit, seen: Iterable[str] = ()) -> list[str]:
    """How a lower-case token may be written, once ASCII is lowered: as it was seen, in capitals, with a capital first.

    Of a character these are all ways.
    """
    if unit == "char":
        return [token, *capitals().get(token, ())]
    possible = [token, token.upper(), token.capitalize(), *seen]
    written = [_ascii_lowered(form) for form in possible if form.lower() == token]
    return sorted(set(written))


def _ascii_lowered(word: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in word)


@functools.cache
def capitals() -> Mapping[str, tuple[str, ...]]:
    """The characters that become a character when they are lowered."""
    found: dict[str, tuple[str, ...]] = {}
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        lowered = letter.lower()
        if lowered != letter and len(lowered) == 1:
            found[lowered] = (*found.get(lowered, ()), letter)
    return found
