"""Requests generated from the OpenAPI document: never a 5xx, answers as described, memory flat.

The coverage phase alone here; `scripts/bench/fuzz_server.py` runs thousands of cases.
"""

from __future__ import annotations

from bench.fuzz_server import fuzz


def test_generated_requests_are_answered_or_refused_as_described(bundle):
    found = fuzz(bundle.folder, 300, seed=7)
    assert found["passed"], found
