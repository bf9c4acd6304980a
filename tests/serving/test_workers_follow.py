"""Several workers behind one port follow the aliases and decide about a canary together."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from modelwright.runs.store import Store
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.settings import AccessSettings, CanarySettings
from serving import versions
from serving.versions import commit, failing_below_zero, point, times

CANARY = CanarySettings((50, 100), every_s=3600, min_requests=60, max_error_share=0.1, max_latency_ratio=50)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    commit(store, times(2.0))
    point(store, champion=1)
    return store


def ask(server: Any, count: int, x: float = 3.0) -> Counter[int]:
    """Each on a connection of its own, so that all workers get some."""
    found: Counter[int] = Counter()
    for number in range(count):
        talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        talking.request("POST", "/predict", json.dumps({"rows": [{"x": x, "key": f"caller {number}"}]}))
        answer = talking.getresponse()
        body = json.loads(answer.read())
        assert answer.status == 200, body
        found[body["version"]] += 1
        talking.close()
    return found


def until(server: Any, wanted: set[int], x: float = 3.0) -> Counter[int]:
    """What answers once every worker has noticed."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = ask(server, 30, x)
        if set(found) == wanted:
            return found
    raise AssertionError(f"still {found}")


def admin(server: Any, method: str, action: str) -> Any:
    talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    talking.request(method, f"/admin/{action}", headers={"Authorization": "Bearer boss"})
    answer = json.loads(talking.getresponse().read())
    talking.close()
    return answer


def test_all_workers_reload_and_roll_a_canary_back_together(store, start, tmp_path):
    commit(store, failing_below_zero)
    following = versions.settings(store, tmp_path / "log", canary=CANARY, access=AccessSettings(admin="boss"))
    server = start(**{**vars(following), "workers": 2})
    point(store, try_=2)
    until(server, {1, 2})
    ask(server, 60, x=-200.0)  # half of them are the canary's, of two workers
    until(server, {1})
    assert admin(server, "GET", "state")["canary"]["status"] == "rolled back"

    commit(store, times(5.0))
    point(store, try_=3)
    until(server, {1, 3})
    admin(server, "POST", "canary/promote")
    until(server, {3})
    point(store, champion=3)
    point(store, try_=None)
    until(server, {3})
    metrics = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    metrics.request("GET", "/metrics")
    text = metrics.getresponse().read().decode()
    metrics.close()
    assert 'canary_changes_total{version="2",to="rolled back"} 2' in text  # both workers
    server.process.terminate()
    assert server.wait() == 0
    said = server.process.stderr.read().decode()
    assert said.count("canary v0002 is rolled back") == 1
    logged = Counter(read_log(tmp_path / "log")["version"].to_pylist())
    assert logged[2] > 0 and logged[3] > 0
