"""What `features: auto` stands for: the steps that suit the columns, leaving to each model what only it needs."""

from __future__ import annotations

from modelwright.core.columns import NUMERIC, Schema
from modelwright.fitting.learn_rows import LearnRows, all_missing
from modelwright.graph import encoders
from modelwright.parts.base import Step
from modelwright.parts.features.datetime_parts import DatetimeParts
from modelwright.parts.features.drop import Drop
from modelwright.parts.features.ordinal import Ordinal
from modelwright.parts.features.text_statistics import TextStatistics
from modelwright.parts.features.tfidf import Tfidf
from modelwright.parts.vocabulary import is_prose

SAMPLED_TEXTS = 20_000  # from the start of learn, to see whether a text column is made of words that come back
MIN_DF = 5
MOST_WORDS, LEAST_WORDS = 1000, 50
MOST_CELLS = 1 << 26  # of learn's words in all: half a gigabyte in float64


def default_steps(rows: LearnRows, schema: Schema) -> tuple[list[Step], list[str]]:
    """Steps, and notes on columns that are left out.

    Numbers pass, booleans as 0 and 1; categories become codes, which models take natively or expand; timestamps (not
    the time column) become their parts; texts become the weights of their words and what they are made of; texts of
    names and codes, whose words hardly come back, and columns without any value are left out.
    """
    steps: list[Step] = []
    notes: list[str] = []
    empty, categories, times = [], [], []
    prose: list[str] = []
    codes: list[str] = []
    for column in schema.of_role("input"):
        if all_missing(rows, column.name):
            empty.append(column.name)
        elif column.type == "text":
            (prose if is_prose(_first_texts(rows, column.name), MIN_DF) else codes).append(column.name)
        elif column.type == "category":
            categories.append(column.name)
        elif column.type not in NUMERIC:
            times.append(column.name)
    if empty:
        notes.append(f"left out, every value is missing on learn: {', '.join(empty)}")
    if codes:
        notes.append(
            f"left out, text that is no category and whose words hardly come back: {', '.join(codes)}; "
            "name a step to use it"
        )
    if empty or codes:
        steps.append(Drop(columns=empty + codes))
    if prose:
        words = min(MOST_WORDS, max(LEAST_WORDS, MOST_CELLS // max(1, rows.rows * len(prose))))
        steps.append(TextStatistics(columns=prose, keep=True))
        steps.append(Tfidf(columns=prose, min_df=MIN_DF, max_features=words))
    if times:
        parts = ["year", "month", "day", "weekday", "hour"]
        steps.append(DatetimeParts(columns=times, parts=parts))
    if categories:
        steps.append(Ordinal(columns=categories))
    return steps, notes


def _first_texts(rows: LearnRows, name: str) -> list[str]:
    first = next(rows.tables([name])).column(name).slice(0, SAMPLED_TEXTS)
    texts: list[str] = encoders.encode("text", first).tolist()
    return texts
