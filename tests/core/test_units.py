"""Numbers, sizes and durations read as a person would write them."""

import pytest

from modelwright.core.units import format_bytes, format_duration, format_number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (0.84980209, "0.8498"),
        (0.786, "0.786"),
        (12.5, "12.5"),
        (1488.8, "1,489"),
        (-3.6924, "-3.692"),
        (1e6, "1,000,000"),
        (1.11e-16, "1.11e-16"),
        (1e18, "1e+18"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers(value, expected):
    assert format_number(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0.0 s"), (35e-6, "35 µs"), (0.0042, "4.2 ms"), (3.81, "3.8 s"), (125, "2 min 5 s"), (11400, "3 h 10 min")],
)
def test_durations(seconds, expected):
    assert format_duration(seconds) == expected


@pytest.mark.parametrize(("count", "expected"), [(3, "3 B"), (131_487, "131.5 kB"), (4.2e9, "4.2 GB")])
def test_sizes(count, expected):
    assert format_bytes(count) == expected
