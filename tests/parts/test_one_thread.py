"""While it is held, linear algebra has one thread, also that of libraries which were loaded after its first use."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PROGRAM = """
import json
import numpy
from threadpoolctl import threadpool_info
from modelwright.parts.one_thread import one_thread

def threads():
    return [library["num_threads"] for library in threadpool_info()]

with one_thread():
    first = threads()
import sklearn.linear_model
with one_thread():
    then = threads()
print(json.dumps([first, then, threads()]))
"""


def test_every_library_is_held_to_one_thread_and_let_go() -> None:
    two = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **two}, capture_output=True, text=True, check=True
    )
    first, then, after = json.loads(done.stdout)
    assert set(first) == set(then) == {1} and len(then) > len(first)
    assert set(after) == {2}
