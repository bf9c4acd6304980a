"""Load on a server that is already running, and what it costs: wrk, the server's processes in /proc, and a SIGTERM."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BODIES = """\
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local requests, turn = {}, 0
init = function()
  for place, body in ipairs(bodies) do
    requests[place] = wrk.format("POST", "%s", {["content-type"] = "application/json"}, body)
  end
end
request = function()
  turn = turn %% #requests + 1
  return requests[turn]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("FOUND %%d %%d %%f %%f %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw and what the server used meanwhile."""

    per_s: float
    p50_ms: float
    p99_ms: float
    errors: int  # connections, answers that were not 2xx or 3xx, timeouts
    cpu_us: float  # of a request, over all processes of the server


@dataclass
class Server:
    """A running server and how it is asked."""

    process: subprocess.Popen[bytes]
    port: int
    path: str
    body: Callable[[Sequence[dict[str, object]]], bytes]
    pids: list[int] = field(default_factory=list)

    def first_answer(self, rows: Sequence[dict[str, object]], deadline_s: float = 90.0) -> float:
        """Asks until it answers; the time of the answer. RuntimeError when it never does."""
        until = time.monotonic() + deadline_s
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.ask(rows) == 200:
                    return time.monotonic()
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"no answer from {self.process.args!r}")

    def ask(self, rows: Sequence[dict[str, object]]) -> int:
        talking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            talking.request("POST", self.path, self.body(rows), {"content-type": "application/json"})
            answer = talking.getresponse()
            answer.read()
            return answer.status
        finally:
            talking.close()

    def load(self, bodies: Path, connections: int, seconds: float) -> Load:
        """`bodies` holds one request a line; they are sent in turns."""
        script = bodies.with_suffix(".lua")
        script.write_text(BODIES % (bodies, self.path), encoding="utf-8")
        before = cpu_s(self.process.pid)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s", "-s", str(script)]
        said = subprocess.run([*command, f"http://127.0.0.1:{self.port}"], capture_output=True, text=True, check=True)
        spent = cpu_s(self.process.pid) - before
        found = re.search(r"FOUND (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)", said.stdout)
        assert found, said.stdout + said.stderr
        requests, micros, p50, p99, errors = (float(text) for text in found.groups())
        return Load(requests / micros * 1e6, p50 / 1000, p99 / 1000, int(errors), spent / max(requests, 1) * 1e6)

    def stop(self) -> None:
        for pid in reversed(family(self.process.pid)):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in family(self.process.pid):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()


def errors_across_sigterm(server: Server, rows: Sequence[dict[str, object]], callers: int = 16) -> tuple[int, int]:
    """Requests answered and requests lost by callers that go on until the port is closed. SIGTERM comes after 1 s.

    A connection that the server closes after an answer is opened again, as any client does; a request that was sent
    and got no answer, or another than 200, is lost. wrk counts refused connections too, so it can't be used here.
    """
    counts = {"answered": 0, "lost": 0}
    lock = threading.Lock()

    def call() -> None:
        body = server.body(rows)
        answered = lost = 0
        talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        while True:
            try:
                if talking.sock is None:
                    talking.connect()
            except OSError:
                break  # the port is closed: the server has gone
            try:
                talking.request("POST", server.path, body, {"content-type": "application/json"})
                answer = talking.getresponse()
                answer.read()
                answered += answer.status == 200
                lost += answer.status != 200
            except (OSError, http.client.HTTPException):
                lost += 1
                talking.close()
        with lock:
            counts["answered"] += answered
            counts["lost"] += lost

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    server.process.wait(30)
    return counts["answered"], counts["lost"]


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cpu_s(pid: int) -> float:
    """Seconds of processor time of a process and its descendants."""
    ticks = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    pages = 0
    for one in family(pid):
        try:
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def rows_body(rows: Sequence[dict[str, object]]) -> bytes:
    """As `POST /predict` and the peers but MLServer and MLflow want it."""
    return json.dumps({"rows": list(rows)}).encode()


def tensors_body(rows: Sequence[dict[str, object]]) -> bytes:
    """The Open Inference Protocol."""
    inputs = [
        {
            "name": name,
            "shape": [len(rows), 1],
            "datatype": "BYTES" if isinstance(rows[0][name], str) else "FP64",
            "data": [row[name] for row in rows],
        }
        for name in rows[0]
    ]
    return json.dumps({"inputs": inputs}).encode()


def records_body(rows: Sequence[dict[str, object]]) -> bytes:
    """MLflow's scoring protocol."""
    return json.dumps({"dataframe_records": list(rows)}).encode()
