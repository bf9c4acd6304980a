"""The language of `where:` and `value:`: what parses, what is refused, and where the error says it is."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelwright.core.errors import SpecError
from modelwright.core.expressions import (
    Arithmetic,
    Compare,
    ExpressionError,
    Logical,
    Member,
    Name,
    Negative,
    Not,
    Number,
    Text,
    check_types,
    checked_condition,
    checked_value,
    names,
    parse,
)


def test_operators_bind_as_in_every_language():
    assert parse("a + b * -c") == Arithmetic("+", Name("a"), Arithmetic("*", Name("b"), Negative(Name("c"))))
    assert parse("a - b - c") == Arithmetic("-", Arithmetic("-", Name("a"), Name("b")), Name("c"))
    one, two, three = (Compare("=", Name(name), Number(1.0)) for name in "abc")
    assert parse("a = 1 or b = 1 and not c = 1") == Logical("or", one, Logical("and", two, Not(three)))


def test_both_spellings_of_equality_and_names_with_spaces():
    assert parse("`mean radius` == 1") == parse("`mean radius` = 1") == Compare("=", Name("mean radius"), Number(1.0))
    assert parse("a <> 'x'") == Compare("!=", Name("a"), Text("x"))


def test_membership_keeps_its_negation_and_signs():
    assert parse("a not in (1, -2)") == Member(Name("a"), (Number(1.0), Number(-2.0)), negated=True)
    assert parse("a in ('x', \"y\")") == Member(Name("a"), (Text("x"), Text("y")), negated=False)


def test_names_are_those_of_columns_only():
    assert names(parse("where(isnull(a) or b in (1), max(c, 2), `d e`) > 0")) == {"a", "b", "c", "d e"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os')", "no function '__import__' at character 1"),
        ("1; drop table t", "unexpected ';' at character 2"),
        ("a -- comment", "no comments"),
        ("a /* comment */", "no comments"),
        ("(select 1)", "expected ')', got '1' at character 9"),
        ("a.b", "unexpected '.' at character 2"),
        ("a[0]", "unexpected '['"),
        ("lambda: 1", "unexpected ':'"),
        ("a < b < c", "can't be chained at character 7"),
        ("a and b = 1", "a condition is needed at character 1"),
        ("(a = 1) + 1", "a value is needed"),
        ("a = ''", "the empty text is missing"),
        ("'a' < b", "text can't be ordered"),
        ("a in (1, 'x')", "mixes text and numbers"),
        ("a in (b)", "only numbers or quoted texts"),
        ("a not b", "expected 'in'"),
        ("min(a)", "min takes 2 to 20 arguments, got 1"),
        ("1e999", "expected a value"),
        ("", "expected a value, got 'the end'"),
        ("(" * 50 + "a" + ")" * 50, "nested deeper than 40"),
        ("+".join(["a"] * 300), "at most 400"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text, said):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert isinstance(caught.value, SpecError) and caught.value.exit_code == 2


@given(st.text(alphabet="ab1 .'\"`()<>=!+-*/,;_&|%^~[]{}@#$\\\n", max_size=40))
@example("not " * 300 + "a = 1")
@example("-" * 300 + "a")
def test_any_text_either_parses_or_is_refused(text):
    with contextlib.suppress(ExpressionError):
        names(parse(text))


WORDS = st.sampled_from(
    ["a", "b", "1", "'x'", "(", ")", "and", "or", "not", "in", "<", "=", "+", "-", "min", ",", "where"]
)


@given(st.lists(WORDS, max_size=25))
def test_any_row_of_words_either_parses_or_is_refused(words):
    with contextlib.suppress(ExpressionError):
        names(parse(" ".join(words)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c = 1", 'no column "c"'),
        ("numbr > 1", 'did you mean "number"'),
        ("word = 1", "text is compared with a number"),
        ("number = 'x'", "text is compared with a number"),
        ("word > word", "can't be ordered"),
        ("word in (1)", "mixes text and numbers"),
        ("min(word, 1) > 1", '"word" is text where a number is needed'),
        ("-word > 1", '"word" is text'),
        ("moment > 1", '"moment" is a timestamp'),
    ],
)
def test_types_of_columns_are_checked(text, said):
    with pytest.raises(ExpressionError, match=said):
        check_types(parse(text), {"number": "integer", "word": "text", "moment": "timestamp"})


def test_types_that_fit_pass():
    types = {"number": "number", "flag": "boolean", "word": "category", "moment": "timestamp"}
    for text in (
        "word != 'x' and flag = true",
        "isnull(moment) or isnull(word)",
        "where(word in ('x'), number, 1) < 2",
    ):
        check_types(parse(text), types)


def test_a_condition_is_wanted_where_rows_are_chosen_and_a_number_where_a_value_is():
    assert checked_condition("a > 1") == "a > 1"
    assert checked_value("a > 1") == "a > 1"
    with pytest.raises(ExpressionError, match="not a condition"):
        checked_condition("a")
    with pytest.raises(ExpressionError, match="is text"):
        checked_value("'a'")
