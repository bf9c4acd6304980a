"""Counters that several processes share."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelwright.serving.counters import SLOTS, Counters
from modelwright.serving.metrics import Metrics

OTHER = """
import sys
from pathlib import Path
from modelwright.serving.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
metrics.scored("champion", 3, 5)
metrics.observe("/predict", 200, 0.002)
metrics.in_flight += 4
metrics.logged({"written": 5})
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another worker, which has counted and lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_what_another_process_counts_is_seen_at_once_and_after_it_was_killed(tmp_path, other):
    metrics = Metrics(tmp_path)
    metrics.scored("champion", 3, 2)
    metrics.scored("champion", 4, 1)
    assert metrics.count("rows_total", version=3) == 7
    assert metrics.count("rows_total") == 8
    assert metrics.count("requests_in_flight") == 4
    other.kill()
    other.wait()
    metrics.worker_ended(other.pid)
    assert metrics.count("rows_total") == 8
    assert metrics.count("requests_in_flight") == 0
    assert b"modelwright_log_rows_written_total 5\n" in metrics.text(ready=True)


def test_alone_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    metrics = Metrics()
    metrics.add("cache_hits_total", 2, version=1)
    metrics.add("cache_hits_total", 1, version=1)
    assert metrics.count("cache_hits_total") == 3
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_half_written_is_left_for_the_next_time(tmp_path):
    counters = Counters(tmp_path)
    counters.values[counters.place("rows_total", route="a")] = 2
    with next(tmp_path.glob("*.names")).open("ab") as file:
        file.write(b'["rows_to')
    assert counters.total() == {("rows_total", (("route", "a"),)): 2}


def test_labels_without_bound_are_an_error_not_a_leak():
    counters = Counters()
    for number in range(SLOTS):
        counters.place("rows_total", number=number)
    with pytest.raises(RuntimeError, match="series"):
        counters.place("rows_total", number="one more")


def test_labels_are_escaped_in_the_text():
    metrics = Metrics()
    metrics.scored('a"b\\c\nd', 1, 1)
    assert b'modelwright_rows_total{route="a\\"b\\\\c\\nd",version="1"} 1\n' in metrics.text(ready=True)
