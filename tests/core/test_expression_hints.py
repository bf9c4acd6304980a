"""Who writes a condition as in SQL is told how it is written here."""

import pytest

from modelwright.core.expressions import ExpressionError, parse


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("km is null", "isnull(column)"),
        ("zone = 'north' and km is null", "isnull(column)"),
        ("km > 1 AND km < 2", "write and, in small letters"),
        ("km between 1 and 2", "low <= column"),
        ("zone like 'a%'", "replace"),
    ],
)
def test_words_of_sql_have_a_hint(text, hint):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert hint in caught.value.problems[0].hint


def test_columns_may_be_called_like_them():
    parse("like > 1 and between < 2 and is = 3")
