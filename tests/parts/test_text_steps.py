"""count, tfidf and text_statistics say what scikit-learn and Python say, for any text."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.fitting.features import fit_features
from modelwright.graph.running import Scorer
from modelwright.parts import catalog

BATCHES = (1, 7, 64)
REAL = Path(__file__).parents[3] / "shared" / "data"
# What scikit-learn lowers in ways of its own: the dotted I becomes two characters, a sigma depends on its neighbours.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\u0130\u03a3\u03c2", max_codepoint=0xFFFF)
WORDS = [
    "a",
    "to",
    "The",
    "THE",
    "free",
    "don't",
    "café",
    "CAFÉ",
    "Été",
    "Київ",
    "київ",
    "КИЇВ",
    "straße",
    "x²y",
    "_x_",
]
OTHERS = [" ", "  ", "\n", "\t\n ", "\u00a0", "\x1c", "\x85\u2028", "😀", "日本語", "a\x00b", "e\u0301té", "12"]
PIECES = st.sampled_from([*WORDS, *OTHERS])
TEXTS = st.none() | st.just("") | st.lists(PIECES | st.text(LETTERS, max_size=4), max_size=12).map(" ".join)
DENSE = st.none() | st.lists(PIECES | st.text(LETTERS, max_size=4), max_size=12).map("".join)
COLUMN = st.lists(TEXTS | DENSE, min_size=1, max_size=20)
SIZES = st.sampled_from([(1, 1), (1, 2), (2, 2), (2, 3), (1, 3)])


def step(kind, **options):
    return catalog.load("features", kind).model_validate({"kind": kind, **options})


def fitted(kind, learn, **options):
    table = pa.table({"x": pa.array(learn, pa.string())})
    return fit_features([step(kind, **options)], table, Schema((Column("x", "text", nullable=True),)), None, 0)


def asked(features, rows):
    """The features of some rows; the same bits at every batch size, and nothing of nothing."""
    table = pa.table({"x": pa.array(rows, pa.string())})
    whole = features.transform(table)
    scorer = Scorer(features.model)
    for size in BATCHES:
        np.testing.assert_array_equal(scorer.run_table(table, size)["features"].view(np.int64), whole.view(np.int64))
    assert features.transform(table.slice(0, 0)).shape == (0, len(features.features))
    return whole


def agrees(twin, kind, learn, rows, **options):
    """Terms and numbers of the twin, on learn and on rows whose words are written in ways that learn has."""
    learnt, words = ([text or "" for text in texts] for texts in (learn, rows))
    try:
        expected = twin.fit(learnt).transform(words).toarray()
    except ValueError:  # no term left
        with pytest.raises(DataError, match="of learn"):
            fitted(kind, learn, **options)
        return
    features = fitted(kind, learn, **options)
    names = [feature.name.removeprefix(f"x_{kind}_") for feature in features.features]
    assert names == list(twin.get_feature_names_out())
    np.testing.assert_allclose(asked(features, rows), expected, rtol=0, atol=1e-12)


def known_forms(learn, rows):
    """Without words outside ASCII in mixed capitals that learn does not have: such words are new to the graph."""
    seen = set(re.findall(r"\w\w+", " ".join(text or "" for text in learn)))
    for word in re.findall(r"\w\w+", " ".join(text or "" for text in rows)):
        forms = {word.lower(), word.upper(), word.lower().capitalize()}
        if not word.isascii() and word not in seen | forms:
            return False
    return True


@given(COLUMN, COLUMN, SIZES, st.integers(1, 2), st.booleans())
def test_word_counts(learn, rows, ngram_range, min_df, lowercase):
    assume(not lowercase or known_forms(learn, rows))
    options = {"ngram_range": ngram_range, "min_df": min_df, "lowercase": lowercase}
    agrees(CountVectorizer(**options), "count", learn, rows, **options)


@given(COLUMN, COLUMN, SIZES, st.booleans(), st.booleans())
def test_character_counts(learn, rows, ngram_range, lowercase, binary):
    options = {"ngram_range": ngram_range, "analyzer": "char", "min_df": 1, "lowercase": lowercase, "binary": binary}
    agrees(CountVectorizer(**options), "count", learn, rows, **options)


@given(COLUMN, COLUMN, SIZES, st.sampled_from(["l1", "l2", None]), st.booleans(), st.sampled_from([0.5, 1.0]))
def test_word_tfidf(learn, rows, ngram_range, norm, sublinear_tf, max_df):
    assume(known_forms(learn, rows))
    options = {"ngram_range": ngram_range, "min_df": 1, "norm": norm, "sublinear_tf": sublinear_tf, "max_df": max_df}
    agrees(TfidfVectorizer(**options), "tfidf", learn, rows, **options)


@given(COLUMN, COLUMN, SIZES)
def test_character_tfidf(learn, rows, ngram_range):
    options = {"ngram_range": ngram_range, "analyzer": "char", "min_df": 1}
    agrees(TfidfVectorizer(**options), "tfidf", learn, rows, **options)


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs", "Cn"], max_codepoint=0xFFFF)), min_size=1))
def test_text_statistics_are_those_of_python(rows):
    found = asked(fitted("text_statistics", rows), rows)
    texts = [text or "" for text in rows]
    sizes = np.array([len(text) for text in texts])
    np.testing.assert_array_equal(found[:, 0], sizes)
    np.testing.assert_array_equal(found[:, 1], [len(re.findall(r"\w+", text)) for text in texts])
    for at, category in ((2, "Nd"), (3, "Lu")):
        counted = [sum(unicodedata.category(letter) == category for letter in text) for text in texts]
        np.testing.assert_array_equal(found[:, at], np.array(counted) / np.maximum(sizes, 1))


def test_the_terms_that_occur_most_often_are_kept_equal_ones_by_name():
    learn = ["bb cc aa", "bb aa cc", "bb dd dd", "dd"]
    features = fitted("count", learn, max_features=2, min_df=1)
    assert [feature.name for feature in features.features] == ["x_count_bb", "x_count_dd"]
    assert fitted("count", learn, max_features=3, min_df=1).features[0].name == "x_count_aa"


def test_capitals_outside_ascii_are_found_as_learn_had_them_or_in_the_usual_ways():
    features = fitted("count", ["мій КиЇв", "київ"], min_df=1)
    found = asked(features, ["київ", "КИЇВ", "Київ", "КиЇв", "київ Київ", "кИЇВ"])
    np.testing.assert_array_equal(found[:, 0], [1, 1, 1, 1, 2, 0])


def test_the_sigma_of_greek_and_the_dotted_i_do_no_harm():
    features = fitted("count", ["ΟΔΟΣ οδος", "İstanbul istanbul"], min_df=1)
    names = [feature.name for feature in features.features]
    np.testing.assert_array_equal(asked(features, ["ΟΔΟΣ"])[0][names.index("x_count_οδος")], 1)
    assert asked(fitted("count", ["İi", "iİ"], min_df=1, analyzer="char"), ["İ"]).sum() == 1


def test_two_steps_may_look_at_one_text():
    table = pa.table({"x": pa.array(["free call now", "go call now"], pa.string())})
    steps = [
        step("tfidf", min_df=1, keep=True),
        step("text_statistics", statistics=["words"], keep=True),
        step("count", analyzer="char", ngram_range=(3, 4)),
    ]
    features = fit_features(steps, table, Schema((Column("x", "text"),)), None, 0)
    names = [feature.name for feature in features.features]
    assert names[:6] == [*(f"x_tfidf_{word}" for word in ("call", "free", "go", "now")), "x_words", "x_count_ ca"]
    assert len(features.transform(table)) == 2


def test_texts_without_a_common_word_are_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match='no word of "x" is in 2 texts') as failed:
        fitted("tfidf", ["aa", "bb"])
    assert "min_df" in failed.value.problems[0].hint


def test_numbers_are_no_text():
    with pytest.raises(SpecError, match='"x" is a number, not a category or text'):
        table = pa.table({"x": [1.0, 2.0]})
        fit_features([step("tfidf", columns="x")], table, Schema((Column("x", "number"),)), None, 0)


@pytest.mark.parametrize("options", [{"ngram_range": [2, 1]}, {"ngram_range": [0, 1]}, {"max_df": 0}, {"min_df": 0}])
def test_settings_without_sense_are_refused(options):
    with pytest.raises(ValidationError):
        step("tfidf", **options)


def test_real_messages_agree_with_scikit_learn():
    path = REAL / "sms_spam" / "sms.tsv"
    if not path.is_file():
        pytest.skip("shared/data/sms_spam is not here")
    texts = [line.split("\t", 1)[1] for line in path.read_text("utf-8").splitlines()]
    learn, rows = texts[:4000], texts[4000:]
    twin = TfidfVectorizer(min_df=5, ngram_range=(1, 2))
    expected = twin.fit(learn).transform(rows).toarray()
    features = fitted("tfidf", learn, min_df=5, ngram_range=(1, 2), max_features=20_000)
    np.testing.assert_allclose(features.transform(pa.table({"x": rows})), expected, rtol=0, atol=1e-12)
