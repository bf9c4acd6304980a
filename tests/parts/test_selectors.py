"""How columns are chosen."""

import pytest

from modelwright.core.errors import SpecError
from modelwright.parts.selectors import select

COLUMNS = {"x_1": "number", "x_2": "number", "c": "category", "note": "text", "at": "timestamp", "day": "timestamp"}
TIME = frozenset({"at"})


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("numeric", ["x_1", "x_2"]),
        ("categorical", ["c"]),
        ("text", ["note"]),
        ("timestamp", ["day"]),
        ("all", ["x_1", "x_2", "c", "note", "day"]),
        ("at", ["at"]),
        ("x_*", ["x_1", "x_2"]),
        (["c", "x_1"], ["x_1", "c"]),
        ("not:text", ["x_1", "x_2", "c", "day"]),
        (["numeric", "not:x_2"], ["x_1"]),
        (["not:x_*", "not:c"], ["note", "day"]),
        ([], []),
    ],
)
def test_selection(selector, expected):
    assert select(selector, COLUMNS, TIME) == tuple(expected)


def test_a_kind_may_match_nothing():
    assert select("numeric", {"c": "category"}, TIME) == ()


@pytest.mark.parametrize("selector", ["x_3", "y_*", "not:x_3", "Numeric"])
def test_a_name_or_glob_that_matches_nothing_is_an_error(selector):
    with pytest.raises(SpecError, match="no column"):
        select(selector, COLUMNS, TIME)


def test_a_column_may_be_called_like_a_kind():
    assert select("text", {"text": "number", "note": "text"}, TIME) == ("text",)


def test_the_time_column_is_not_caught_by_a_glob():
    assert select("*", COLUMNS, TIME) == ("x_1", "x_2", "c", "note", "day")
