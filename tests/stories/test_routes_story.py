"""Two versions and one server that never stops: a shadow, a canary that is rolled back, a promotion under load."""

from __future__ import annotations

import csv
import http.client
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from modelwright.serving.log.reading_log import read_log
from stories.terminal import Terminal

SPEC = """
name: stay
task: {kind: regression, target: days}
prepare:
  source: {kind: csv, path: DATA}
  columns: {visit: {role: id}}
  features: [FEATURES]
  split: {kind: random}
train: {model: {kind: ridge}}
"""
SERVE = """
serve:
  port: 0
  log: {folder: logs}
  admin_token: ${env:STAY_ADMIN}
  reload_s: 0.05
  canary: {alias: candidate, steps: [40, 100], every_s: 3600, min_requests: 40}
  shadow: {alias: next}
"""
IMPUTE = "{kind: impute, columns: numeric, strategy: median}, "
TOKEN = "open sesame"


def write_data(path: Path, *, missing: bool) -> None:
    chance = random.Random(3)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["visit", "age", "ward", "days"])
        for number in range(300):
            age, ward = chance.randint(20, 90), chance.choice(["heart", "knee"])
            days = age / 10 + 3 * (ward == "heart") + chance.gauss(0, 1)
            table.writerow([f"V{number}", "" if missing and number % 10 == 0 else age, ward, f"{days:.3f}"])


def exported(terminal: Terminal, data: str, *, missing: bool) -> None:
    write_data(terminal.folder / data, missing=missing)
    features = IMPUTE * missing + "{kind: one_hot, columns: categorical}"
    terminal.write("stay.yaml", SPEC.replace("DATA", data).replace("FEATURES", features) + SERVE)
    for stage in ("prepare", "train"):
        terminal.done(stage, "stay.yaml")
    terminal.done("export", "stay.yaml", "--ungated")


class Server:
    """`modelwright serve`, and what it says on stderr."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.said = process, list[str]()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = int(self.heard("http://").rpartition(":")[2])

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line.rstrip())

    def heard(self, words: str) -> str:
        """The first line with these words, once it is there."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for line in self.said:
                if words in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"never heard {words!r} in {self.said}")

    def ask(self, rows: Iterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        answers = []
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as talking:
            for _ in range(count):
                talking.request("POST", "/predict", json.dumps({"rows": [next(rows)]}))
                response = talking.getresponse()
                answers.append({"status": response.status, **json.loads(response.read())})
        return answers

    def admin(self, method: str, action: str, token: str = TOKEN) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as talking:
            talking.request(method, f"/admin/{action}", headers={"Authorization": f"Bearer {token}"})
            return json.loads(talking.getresponse().read())

    def page(self, path: str) -> str:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as talking:
            talking.request("GET", path)
            return talking.getresponse().read().decode()


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", "modelwright", "serve", "stay.yaml"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def patients(*, missing: bool) -> Iterator[dict[str, Any]]:
    number = 0
    while True:
        number += 1
        yield {"visit": f"N{number}", "ward": "knee", "age": None if missing else 20 + number % 60}


def versions(answers: list[dict[str, Any]]) -> Counter[int]:
    assert {answer["status"] for answer in answers} == {200}
    return Counter(answer["version"] for answer in answers)


def test_a_version_is_tried_rolled_back_replaced_and_promoted_without_a_lost_request(
    terminal: Terminal, monkeypatch: Any
) -> None:
    monkeypatch.setenv("STAY_ADMIN", TOKEN)
    exported(terminal, "old.csv", missing=True)
    exported(terminal, "new.csv", missing=False)  # nobody without an age: this version insists on one
    terminal.done("runs", "promote", "v1")
    with serving(terminal.folder) as server:
        known, unknown = patients(missing=False), patients(missing=True)
        assert versions(server.ask(known, 20)) == {1: 20}

        terminal.done("runs", "tag", "next", "v2")  # mirrored first: nobody sees it
        server.heard("shadow next v0002")
        assert versions(server.ask(known, 30)) == {1: 30}
        terminal.done("runs", "tag", "next", "--remove")
        server.heard("now serving champion v0001 (before: champion v0001, shadow next v0002)")

        terminal.done("runs", "tag", "candidate", "v2")
        server.heard("canary candidate v0002")
        tried = versions(server.ask(known, 100))
        assert tried[1] > 30 and tried[2] > 15
        assert versions(server.ask(unknown, 30)) == {1: 30}  # what the canary refuses the champion answers
        assert "requests failed (max_error_share 0.01)" in server.heard("canary v0002 is rolled back")
        assert versions(server.ask(known, 40)) == {1: 40}
        assert server.admin("GET", "state")["canary"]["status"] == "rolled back"
        assert server.admin("POST", "reload", token="guess") | {"request_id": ""} == {
            "error": "the bearer token is not valid",
            "request_id": "",
        }

        exported(terminal, "mended.csv", missing=True)
        answers: list[dict[str, Any]] = []
        asking = threading.Thread(target=lambda: answers.extend(server.ask(patients(missing=True), 600)))
        asking.start()
        terminal.done("runs", "promote", "v3")  # in the middle of it
        server.heard("now serving champion v0003")
        asking.join()
        assert versions(answers + server.ask(unknown, 5))[3] > 5
        metrics = server.page("/metrics")
    assert 'modelwright_canary_changes_total{version="2",to="rolled back"} 1' in metrics
    assert 'modelwright_reloads_total{outcome="done"} 4' in metrics
    assert 'status="500"' not in metrics
    everything_is_logged(terminal.folder, asked=20 + 30 + 100 + 30 + 40 + 600 + 5)


def everything_is_logged(folder: Path, *, asked: int) -> None:
    log = read_log(folder / "logs")
    assert log is not None
    lines = log.to_pylist()
    answered = [line for line in lines if not line["shadow"]]
    assert len(answered) == asked
    mirrored = {line["request_id"]: line for line in lines if line["shadow"]}
    assert {(line["route"], line["version"]) for line in mirrored.values()} == {("next", 2)}
    assert mirrored.keys() <= {line["request_id"] for line in answered if line["version"] == 1}
