"""S10: a whole life of a model without one packet leaving the machine, and with nothing written to the home folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stories.story import CONFIGS
from stories.talking import ask

OUTSIDE = re.compile(r"connect\(.*sa_family=AF_INET6?\b(?!.*(\"127\.0\.0\.1\"|\"::1\"))|sendto\(.*AF_INET")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def bare_environment(home: Path) -> dict[str, str]:
    """As on a laptop: no CI, which would silence telemetry, and every place that a library may write to below home."""
    kept = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
    return {"HOME": str(home)} | {name: os.environ[name] for name in kept if name in os.environ}


def traced(arguments: Sequence[str], log: Path) -> list[str]:
    """The command under strace, or a skip where that is not possible."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    return ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=connect,sendto", *arguments]


def strangers(log: Path) -> list[str]:
    return [line for line in log.read_text("utf-8", "replace").splitlines() if OUTSIDE.search(line)]


def test_the_tracer_sees_a_connection(tmp_path: Path) -> None:
    """Else the others could not fail."""
    program = "import socket; s = socket.socket(); s.settimeout(0.1); s.connect_ex(('203.0.113.7', 9)); s.close()"
    log = tmp_path / "trace"
    subprocess.run(traced([sys.executable, "-c", program], log), check=True)
    assert len(strangers(log)) == 1


def test_run_and_monitor_connect_to_nobody_and_leave_home_alone(tmp_path: Path, home: Path) -> None:
    spec, runs = str(CONFIGS / "diabetes.yaml"), str(tmp_path / "runs")
    for number, arguments in enumerate(
        (
            ("run", spec, "--runs", runs),
            ("runs", "promote", "v0001", "--runs", runs),
            ("monitor", spec, "--runs", runs, "--data", f"{runs}/diabetes/prepare/v0001/test.parquet"),
        )
    ):
        log = tmp_path / f"trace{number}"
        command = traced([sys.executable, "-m", "modelwright", *arguments], log)
        done = subprocess.run(command, env=bare_environment(home), cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode in (0, 11), done.stderr
        assert strangers(log) == []
    assert list(home.iterdir()) == []


def test_a_server_connects_to_nobody_and_leaves_home_alone(tmp_path: Path, home: Path) -> None:
    runs, log = tmp_path / "runs", tmp_path / "trace"
    environment = bare_environment(home)
    python = [sys.executable, "-m"]
    subprocess.run(
        [*python, "modelwright", "run", str(CONFIGS / "diabetes.yaml"), "--runs", str(runs), "--quiet"],
        env=environment,
        check=True,
        capture_output=True,
    )
    bundle = runs / "diabetes/export/v0001"
    smoke = json.loads((bundle / "smoke.json").read_bytes())["requests"]
    serving = traced([*python, "modelwright.serving", "--bundle", str(bundle), "--port", "0"], log)
    with subprocess.Popen(serving, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        try:
            line = tracer.stderr.readline()
            assert " at http://" in line, line
            assert len(ask(int(line.rpartition(":")[2]), [entry["row"] for entry in smoke[:3]])) == 3
        finally:
            tracer.terminate()  # strace hands the signal on by detaching; the server ends with its own
            (server,) = Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split() or [""]
            if server:
                os.kill(int(server), 15)
    assert strangers(log) == []
    assert list(home.iterdir()) == []
