"""Values that differ by spelling only are found, and the cleaner that mends them is named."""

import pytest

from modelwright.core.spelling import how_to_mend, same_but_for_spelling, spelling_hint


@pytest.mark.parametrize(
    ("values", "mend"),
    [
        (("<=50K", "<=50K."), r"pattern: '\.$', to: ''"),
        ((" Male", "Male"), "kind: strip"),
        (("MALE", "Male"), "kind: normalise_text"),
        (("MALE", "male."), "that makes 'MALE' of 'male.'"),
    ],
)
def test_variants_are_found_and_mended(values, mend):
    assert same_but_for_spelling([*values, "other"]) == [values]
    assert mend in how_to_mend("sex", values)


@pytest.mark.parametrize("values", [("a", "b"), ("<=50K", ">50K"), ("1", "-1"), ("a+", "a-"), ("", " "), ("?", ".")])
def test_other_values_are_left_alone(values):
    assert same_but_for_spelling(values) == [] and spelling_hint("x", values) is None
