"""Where and when a run happened. Kept beside the run's results, never among what is hashed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from modelwright import __version__
from modelwright.runs.installed import library_versions

ENVIRONMENT = "environment.json"
GIT_S = 5.0


def environment() -> dict[str, Any]:
    """Versions and machine."""
    return {
        "modelwright": __version__,
        "python": platform.python_version(),
        "libraries": library_versions(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpu_count": os.cpu_count(),
    }


def _processor() -> str:
    """The model of the CPU: bit-equal results are promised within one class of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def recorded_environment(folder: Path) -> dict[str, Any]:
    """What a run wrote of it. Empty when it can't be read: it is for people only, and its bytes are not vouched for."""
    try:
        content = json.loads((folder / ENVIRONMENT).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit checked out in `folder` and whether tracked files differ from it; None outside of git."""
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", "-C", str(folder)]
    command += ["status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GIT_S, check=True).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    head, *rest = answer.splitlines()
    commit = head.removeprefix("# branch.oid ")
    if commit == "(initial)":
        return None
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in rest)}
