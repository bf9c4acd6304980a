"""Several workers behind one port: one server to its callers, whatever happens to a worker."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from modelwright.serving.log.reading_log import read_log
from modelwright.serving.settings import RouteSettings


def ask(port: int, row: dict, count: int = 1) -> list[int]:
    """The status of each of so many requests, each over a connection of its own."""
    found = []
    for _ in range(count):
        talking = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        talking.request("POST", "/predict", json.dumps({"rows": [row]}))
        answer = talking.getresponse()
        answer.read()
        found.append(answer.status)
        talking.close()
    return found


def metrics(port: int) -> dict[str, float]:
    talking = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    talking.request("GET", "/metrics")
    text = talking.getresponse().read().decode()
    talking.close()
    return {name: float(value) for name, value in re.findall(r"^(modelwright_\S+) (\S+)$", text, re.MULTILINE)}


def workers_of(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def eventually(check, seconds: float = 20.0):
    until = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)
    return found


def test_metrics_are_the_sum_over_all_workers_whoever_is_asked(start, row):
    server = start(workers=2)
    assert len(workers_of(server.process.pid)) == 2
    assert ask(server.port, row, 30) == [200] * 30
    for _ in range(6):  # each connection goes to either worker
        found = metrics(server.port)
        assert found['modelwright_requests_total{path="/predict",status="200"}'] == 30
        assert found['modelwright_rows_total{route="champion",version="1"}'] == 30
        assert found['modelwright_request_latency_seconds_bucket{le="+Inf"}'] >= 30
        assert found["modelwright_requests_in_flight"] == 1  # the one that asks


def test_a_worker_that_dies_is_started_again_and_what_it_counted_stays(start, row):
    server = start(workers=2)
    assert ask(server.port, row, 20) == [200] * 20
    before = workers_of(server.process.pid)
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(set(workers_of(server.process.pid)) - set(before)) == 1)
    eventually(lambda: metrics(server.port).get("modelwright_worker_restarts_total") == 1)
    assert ask(server.port, row, 20) == [200] * 20
    found = metrics(server.port)
    assert found['modelwright_requests_total{path="/predict",status="200"}'] == 40
    assert found["modelwright_requests_in_flight"] == 1


def test_sigterm_stops_all_workers_and_says_what_they_did_together(start, row, tmp_path):
    server = start(workers=2, log_folder=str(tmp_path / "log"), drain_s=0.2)
    assert ask(server.port, row, 25) == [200] * 25
    children = workers_of(server.process.pid)
    server.process.send_signal(signal.SIGTERM)
    stopped = server.line()["stopped"]
    assert server.wait() == 0
    assert (stopped["requests"], stopped["rows"], stopped["written"], stopped["dropped"]) == (25, 25, 25, 0)
    assert read_log(tmp_path / "log").num_rows == 25
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_workers_end_with_a_parent_that_is_killed(start):
    server = start(workers=2, drain_s=0.0)
    children = workers_of(server.process.pid)
    server.process.kill()
    eventually(lambda: not [pid for pid in children if _runs(pid)])


def test_no_request_is_lost_across_sigterm(start, row):
    """Callers on open connections go on until the port is closed; each request that was sent is answered."""
    server = start(workers=2, drain_s=0.5)
    lost: list[str] = []
    answered: list[int] = []
    body = json.dumps({"rows": [row]})

    def call() -> None:
        talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        while True:
            try:
                if talking.sock is None:
                    talking.connect()
            except OSError:
                return  # the port is closed
            try:
                talking.request("POST", "/predict", body)
                answer = talking.getresponse()
                answer.read()
                answered.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                lost.append(repr(error))
                talking.close()

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    for caller in callers:
        caller.join(30)
    assert server.wait() == 0
    assert set(answered) == {200}
    assert lost == []


def test_a_damaged_bundle_is_told_once_with_its_exit_code(start, tmp_path):
    server = start(workers=2, routes=(RouteSettings("champion", 1.0, str(tmp_path)),))
    assert server.failure["exit_code"] == 4
    ((message, where, hint),) = server.failure["problems"]
    assert "not a bundle" in message
    assert where == str(tmp_path)
    assert hint
    assert server.wait() == 4


def test_a_port_that_workers_share_is_not_shared_with_another_server(start):
    first = start(workers=2)
    for workers in (1, 2):
        second = start(workers=workers, port=first.port)
        assert second.failure["exit_code"] == 5
        assert f"port {first.port}" in second.failure["problems"][0][0]


@pytest.mark.parametrize("address", ["203.0.113.7"])
def test_an_address_that_is_not_ours_is_refused(start, address):
    from modelwright.serving.settings import AccessSettings

    server = start(workers=2, host=address, port=18080, access=AccessSettings("secret"))
    assert server.failure["exit_code"] == 5
    assert address in server.failure["problems"][0][0]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_parent_loads_no_model(start):
    server = start(workers=2)
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "onnxruntime" not in maps
    assert "numpy" not in maps
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        pass
