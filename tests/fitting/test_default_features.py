"""What `features: auto` makes of texts: columns of words where words come back, a note where they do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.columns import Column, Schema
from modelwright.fitting.default_features import LEAST_WORDS, MOST_CELLS, default_steps
from modelwright.fitting.features import fit_features
from modelwright.fitting.learn_rows import TableRows

WORDS = [f"word{at}" for at in range(40)]


def texts(rows, seed=0):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 6)) for _ in range(rows)]


def schema(*names):
    return Schema((*(Column(name, "text", nullable=True) for name in names), Column("x", "number")))


def test_prose_becomes_words_and_codes_are_left_out_with_a_note():
    learn = pa.table(
        {"note": texts(300), "code": [f"{at:x}-{at * 7919:x}" for at in range(300)], "x": np.arange(300.0)}
    )
    features = fit_features("auto", learn, schema("note", "code"), None, 0)
    names = [feature.name for feature in features.features]
    assert {"x", "note_words", "note_characters", "note_tfidf_word7"} <= set(names)
    assert not any(name.startswith("code") for name in names)
    assert any("code" in note and "left out" in note for note in features.notes)
    assert features.inputs == ("note", "x")


def test_missing_and_strange_texts_do_no_harm():
    learn = pa.table({"note": [None, "", *texts(200)], "x": np.arange(202.0)})
    features = fit_features("auto", learn, schema("note"), None, 0)
    asked = pa.table({"note": pa.array([None, "\x00", "x" * 5000, "\U0001f600" * 9], pa.string()), "x": [1.0] * 4})
    assert np.isfinite(features.transform(asked)).all()


def test_the_more_rows_the_fewer_words():
    class Many(TableRows):
        @property
        def rows(self):
            return MOST_CELLS

    table = pa.table({"note": texts(100), "x": np.arange(100.0)})
    tfidf = next(step for step in default_steps(Many(table), schema("note"))[0] if step.kind == "tfidf")
    assert tfidf.max_features == LEAST_WORDS
