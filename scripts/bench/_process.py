"""Runs one command as a user would, and says what it cost; the benchmarks share it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("modelwright")


@dataclass(frozen=True)
class Cost:
    """What a process took from start to exit; the peak is that of its largest process."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str  # its stdout


def cost_of(arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """One run of `modelwright ARGUMENTS`; it must succeed."""
    return _cost([str(PROGRAM), *arguments], folder, environment or {})


def cost_of_script(script: Path, arguments: Sequence[str], folder: Path) -> Cost:
    """One run of `python SCRIPT ARGUMENTS`; it must succeed."""
    return _cost([sys.executable, str(script), *arguments], folder, {})


def _cost(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=said
        )
        assert process.stdout
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{said.read().decode()}")
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mb, output)
