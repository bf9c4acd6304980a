"""How fast a bundle is served: `python -m modelwright.serving` against FastAPI and other servers with the same graph.

    python scripts/bench/serve.py [--seconds 6] [--minute 60] [--folder DIR] [--fastapi PYTHON] [--mlserver PYTHON]
                                  [--bentoml PYTHON] [--litserve PYTHON] [--mlflow PYTHON]

Each peer is run by the Python of an environment that has it (see `_peers/`); one that is not named is left out. All
have one worker and answer the same rows, one a request, over 16 connections of wrk. Ours validates, counts and logs
every request; the peers do what they do as their documentation shows them. Exit code 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from _serve_load import Load, Server, errors_across_sigterm, records_body, rows_body, rss_mb, tensors_body
from _serve_model import CATEGORIES, NUMBERS, Served, make
from numpy.typing import NDArray

from modelwright.graph.running import Scorer

PEERS = Path(__file__).with_name("_peers")
PORT = 8470
CONNECTIONS = 16
WARM_S = 2.0
CALLS = 300  # of ONNX Runtime alone
TIMES_FASTER = {"fastapi": 4.0, "mlserver": 7.0, "bentoml": 15.0}
LIMITS = {"cpu_us": 80.0, "p99_ms": 5.0, "start_s": 1.0, "rss_mb": 110.0, "hundred": 1.4}


@dataclass(frozen=True)
class Measured:
    load: Load
    start_s: float
    rss_mb: float


def main() -> int:
    asked = _arguments()
    if not shutil.which("wrk"):
        print("wrk is not installed (https://github.com/wg/wrk; Debian has it as a package): skipped")
        return 0
    with TemporaryDirectory() as made:
        folder = (asked.folder or Path(made)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        served = make(folder)
        broken = _peers_and_us(asked, served, folder)
        broken += _hundred_rows(asked, served, folder)
        broken += _endurance(asked, served, folder)
    return 1 if broken else 0


def _peers_and_us(asked: argparse.Namespace, served: Served, folder: Path) -> int:
    """One row a request."""
    heads = f"{'req/s':>9}{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>8}{'MB':>7}{'start s':>9}{'errors':>8}"
    print(f"{'one row a request':<20}{heads}", flush=True)
    ours = _measure("modelwright", served, folder, asked.seconds)
    found = {"modelwright": ours}
    for name in ("fastapi", "mlserver", "bentoml", "litserve", "mlflow"):
        if python := getattr(asked, name):
            found[name] = _measure(name, served, folder, asked.seconds, python)
    print("\ntimes as many requests per second as")
    broken = 0
    for name, peer in found.items():
        if name != "modelwright":
            broken += _kept(name, ours.load.per_s / peer.load.per_s, TIMES_FASTER.get(name), at_least=True)
    print("limits")
    broken += _kept("CPU us a request", ours.load.cpu_us, LIMITS["cpu_us"])
    broken += _kept("p99 ms at 16 connections", ours.load.p99_ms, LIMITS["p99_ms"])
    broken += _kept("s from start to the first answer", ours.start_s, LIMITS["start_s"])
    broken += _kept("MB after a log flush", ours.rss_mb, LIMITS["rss_mb"])
    return broken + bool(ours.load.errors)


def _measure(name: str, served: Served, folder: Path, seconds: float, python: str = sys.executable) -> Measured:
    started = time.monotonic()
    server = _start(name, served, folder, python)
    try:
        start_s = server.first_answer(served.rows[:1]) - started
        bodies = folder / f"{name}.txt"
        bodies.write_bytes(b"\n".join(server.body([row]) for row in served.rows[:200]))
        server.load(bodies, CONNECTIONS, min(WARM_S, seconds))
        load = server.load(bodies, CONNECTIONS, seconds)
        time.sleep(1.5)  # the log is written once a second
        found = Measured(load, start_s, rss_mb(server.process.pid))
    finally:
        server.stop()
    print(
        f"{name:<20}{load.per_s:>9.0f}{load.p50_ms:>8.2f}{load.p99_ms:>8.2f}{load.cpu_us:>8.0f}"
        f"{found.rss_mb:>7.0f}{start_s:>9.2f}{load.errors:>8}",
        flush=True,
    )
    return found


def _hundred_rows(asked: argparse.Namespace, served: Served, folder: Path) -> int:
    """100 rows a request, against what ONNX Runtime needs for them when it is called in process."""
    hundreds = [served.rows[at : at + 100] for at in range(0, 900, 100)]
    alone_ms, alone_cpu_ms = _runtime_ms(served, hundreds)
    server = _start("modelwright", served, folder, sys.executable)
    try:
        server.first_answer(hundreds[0])
        bodies = folder / "hundred.txt"
        bodies.write_bytes(b"\n".join(map(server.body, hundreds)))
        server.load(bodies, 4, min(WARM_S, asked.seconds))
        load = server.load(bodies, 4, asked.seconds)
    finally:
        server.stop()
    each_ms = 1000 / load.per_s
    print(
        f"\n100 rows a request: {load.per_s:.0f} req/s, {each_ms:.2f} ms each over 4 connections, p99 {load.p99_ms:.2f}"
    )
    print(f"ONNX Runtime alone, one call of 100 rows: {alone_ms:.2f} ms")
    _kept("times its processor time", load.cpu_us / 1000 / alone_cpu_ms, None)
    return _kept("times ONNX Runtime's own time", each_ms / alone_ms, LIMITS["hundred"])


def _runtime_ms(served: Served, requests: Sequence[Sequence[Mapping[str, object]]]) -> tuple[float, float]:
    """The trained graph as onnxruntime runs it, its inputs ready: time and processor time of the requests in turns."""
    session = Scorer(served.graph.read_bytes())
    kinds: dict[str, type] = dict.fromkeys(NUMBERS, np.float64) | dict.fromkeys(CATEGORIES, object)
    feeds: list[dict[str, NDArray[Any]]] = [
        {name: np.array([row[name] for row in rows], kind) for name, kind in kinds.items()} for rows in requests
    ]
    times, began = [], time.process_time()
    for turn in range(CALLS):
        started = time.perf_counter()
        session.run(feeds[turn % len(feeds)], ["probability"])
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000, (time.process_time() - began) / CALLS * 1000


def _endurance(asked: argparse.Namespace, served: Served, folder: Path) -> int:
    server = _start("modelwright", served, folder, sys.executable)
    server.first_answer(served.rows[:1])
    try:
        load = server.load(folder / "modelwright.txt", 64, asked.minute)
        found = f"{load.per_s:.0f} req/s, p99 {load.p99_ms:.2f} ms, {load.errors} errors"
        print(f"\n{asked.minute:g} s at 64 connections: {found}")
        answered, lost = errors_across_sigterm(server, served.rows[:1])
        print(f"across SIGTERM: {answered} answered, {lost} lost")
    finally:
        server.stop()
    return load.errors + lost


def _start(name: str, served: Served, folder: Path, python: str) -> Server:
    """The server as a user starts it; it is not ready yet."""
    environment = {
        **os.environ,
        "BENCH_GRAPH": str(served.graph),
        "BENCH_FOLDER": str(folder),
        "PYTHONPATH": "" if name == "modelwright" else str(PEERS),
        "PATH": f"{Path(python).parent}:{os.environ['PATH']}",
        "MLFLOW_DISABLE_ENV_MANAGER_CONDA_WARNING": "true",
        "BENTOML_DO_NOT_TRACK": "true",
        "NO_ALBUMENTATIONS_UPDATE": "1",
    }
    port, log = str(PORT), ("--log", str(folder / "log"))
    command, path, body = {
        "modelwright": (
            [python, "-m", "modelwright.serving", "--bundle", str(served.bundle), "--port", port, *log],
            "/predict",
            rows_body,
        ),
        "fastapi": ([python, str(PEERS / "fastapi_server.py"), port], "/predict", rows_body),
        "mlserver": ([python, str(PEERS / "mlserver_server.py"), port], "/v2/models/bench/infer", tensors_body),
        "bentoml": (["bentoml", "serve", "bentoml_service:Bench", "--port", port], "/predict", rows_body),
        "litserve": ([python, str(PEERS / "litserve_server.py"), port], "/predict", rows_body),
        "mlflow": (
            [
                "mlflow",
                "models",
                "serve",
                "-m",
                str(folder / "mlflow"),
                "-p",
                port,
                "--env-manager",
                "local",
                "-w",
                "1",
            ],
            "/invocations",
            records_body,
        ),
    }[name]
    if name == "mlflow" and not (folder / "mlflow").exists():
        subprocess.run([python, str(PEERS / "mlflow_model.py"), str(folder / "mlflow")], env=environment, check=True)
    with (folder / f"{name}.log").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
    return Server(process, PORT, path, body)


def _kept(what: str, found: float, limit: float | None, *, at_least: bool = False) -> bool:
    """One line; whether the promise is broken."""
    if limit is None:
        print(f"  {what:<34}{found:>8.2f}")
        return False
    broken = found < limit if at_least else found > limit
    words = "at least" if at_least else "at most"
    print(f"  {what:<34}{found:>8.2f}  {words} {limit:g}: {'NOT KEPT' if broken else 'kept'}")
    return broken


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast a bundle is served, against other servers.")
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement")
    parser.add_argument("--minute", type=float, default=60, help="seconds at 64 connections")
    parser.add_argument("--folder", type=Path, help="where the model is made and kept; default: a new one")
    for peer in ("fastapi", "mlserver", "bentoml", "litserve", "mlflow"):
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"of an environment with {peer}, numpy and onnxruntime")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
