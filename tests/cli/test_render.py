"""Results as text: aligned, in tables where they are tables, and never wider than the terminal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.cli.render import render, text

SUMMARY = {
    "model": "train/v0003",
    "rows": 12345,
    "champion": None,
    "passed": True,
    "metrics": {
        "rmse": {"value": 5.123456789, "low": 4.9, "high": 5.3},
        "mae": {"value": 3.25, "low": 3.1, "high": 3.4},
    },
    "gates": {"threshold rmse": "passed: rmse 5.1 (4.9 to 5.3, 300 rows), wanted ≤ 6"},
    "notes": ["a", "b"],
}


def test_a_summary_is_aligned_and_like_mappings_are_a_table() -> None:
    assert render(SUMMARY, 80).splitlines() == [
        "model     train/v0003",
        "rows      12,345",
        "champion  –",
        "passed    yes",
        "metrics",
        "        value  low  high",
        "  rmse  5.123  4.9   5.3",
        "  mae    3.25  3.1   3.4",
        "gates",
        "  threshold rmse  passed: rmse 5.1 (4.9 to 5.3, 300 rows), wanted ≤ 6",
        "notes     a, b",
    ]


def test_forty_columns_are_enough() -> None:
    lines = render(SUMMARY, 40).splitlines()
    assert max(map(len, lines)) <= 40
    start = lines.index("  threshold rmse  passed: rmse 5.1 (4.9")
    assert lines[start + 1 : start + 3] == [f"{'':18}to 5.3, 300 rows),", f"{'':18}wanted ≤ 6"]


def test_paths_stay_in_one_piece() -> None:
    path = "/home/someone/runs/rides/evaluate/v0001/report.html"
    assert any(path in line for line in render({"report": path}, 40).splitlines())


def test_a_table_that_does_not_fit_is_written_row_by_row() -> None:
    wide = {"columns": {"a": {f"statistic_{n}": float(n) for n in range(9)}}}
    lines = render(wide, 40).splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[2] == "    statistic_0  0"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (True, "yes"), (1234567, "1,234,567"), (0.1 + 0.2, "0.3"), ([], "–"), ([1, "a"], "1, a"), ("x", "x")],
)
def test_values(value: Any, expected: str) -> None:
    assert text(value) == expected


def test_numbers_with_a_unit_in_their_name_are_written_with_it() -> None:
    summary = {
        "bytes": 131_487,
        "latency_us": {"1 row": 35.5, "1024 rows": 4196.9},
        "stages": {"prepare": {"rows": 7043, "took_s": 3.81854}, "tune": {"rows": 5987, "took_s": None}},
    }
    assert render(summary, 80).splitlines() == [
        "size  131.5 kB",
        "latency",
        "  1 row      36 µs",
        "  1024 rows  4.2 ms",
        "stages",
        "            rows   took",
        "  prepare  7,043  3.8 s",
        "  tune     5,987      –",
    ]


def test_names_that_would_become_one_stay_apart() -> None:
    assert render({"a_s": 1.0, "a": 2, "_s": 3.0}, 80).splitlines() == ["a_s  1.0 s", "a    2", "_s   3.0 s"]


def test_a_long_list_is_cut_and_says_so() -> None:
    assert text(list(range(1000))).endswith(", 22, 23 and 976 more")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60)
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=30), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=30), NESTED, max_size=4), st.integers(20, 120))
def test_anything_can_be_shown_on_any_terminal(summary: dict[str, Any], columns: int) -> None:
    assert isinstance(render(summary, columns), str)
