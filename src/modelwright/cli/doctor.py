"""`modelwright doctor`: what this machine and environment offer, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import typer

from modelwright.cli.options import DEFAULT_RUNS, Json, Runs

REQUIRED = ("duckdb", "pyarrow", "numpy", "pandas", "scikit-learn", "lightgbm", "optuna", "onnx", "pydantic", "uvicorn")
EXTRAS = {"networks": ("torch", "safetensors")}  # as in pyproject.toml: what `pip install modelwright[networks]` brings
RUNTIMES = ("onnxruntime-gpu", "onnxruntime")
SCARCE_BYTES = 1_000_000_000


def doctor(json: Json = False, runs: Runs = DEFAULT_RUNS) -> None:
    """Show versions, hardware and what is missing; exit 5 when something needed is."""
    from modelwright.cli.output import print_json
    from modelwright.cli.render import render
    from modelwright.cli.terminal import plain, tell
    from modelwright.core.errors import ResourceError

    problems: list[str] = []
    found = {
        "modelwright": _version("modelwright"),
        "python": f"{platform.python_version()} ({sys.executable})",
        "libraries": _libraries(problems),
        "machine": _machine(runs, problems),
        "onnxruntime": _onnxruntime(problems),
        "gpu": _gpu(),
        "extras": _extras(),
    }
    if json:
        code = ResourceError.exit_code if problems else 0
        print_json({**found, "problems": problems, "exit_code": code})
    else:
        print(plain(render(found)))
        for problem in problems:
            tell(problem, mark="error: ")
    if problems:
        raise typer.Exit(ResourceError.exit_code)


def _version(distribution: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _libraries(problems: list[str]) -> dict[str, str | None]:
    found = {name: _version(name) for name in REQUIRED}
    missing = [name for name, installed in found.items() if installed is None]
    if missing:
        problems.append(f"not installed: {', '.join(missing)}\n  hint: pip install {' '.join(missing)}")
    return found


def _machine(runs: Path, problems: list[str]) -> dict[str, Any]:
    from modelwright.core.units import format_bytes

    folder = next(each for each in (runs.absolute(), *runs.absolute().parents) if each.exists())
    free = shutil.disk_usage(folder).free
    if free < SCARCE_BYTES:
        problems.append(f"{folder} has only {format_bytes(free)} left\n  hint: modelwright runs gc, or use --runs")
    if not os.access(folder, os.W_OK):
        problems.append(f"{folder} can't be written\n  hint: name another folder with --runs")
    return {
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": _memory(),
        "disk_free": f"{format_bytes(free)} in {folder}",
    }


def _memory() -> str | None:
    """Physical memory, or the container's limit where that is lower."""
    from modelwright.core.units import format_bytes

    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return format_bytes(min(total, int(text)) if text.isdecimal() else total)


def _onnxruntime(problems: list[str]) -> dict[str, Any]:
    installed = {name: found for name in RUNTIMES if (found := _version(name))}
    if len(installed) > 1:
        problems.append("onnxruntime and onnxruntime-gpu are both installed\n  hint: pip uninstall onnxruntime")
    if not installed:
        problems.append("onnxruntime is not installed\n  hint: pip install onnxruntime")
        return {"providers": None}
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        hint = f"pip install --force-reinstall {next(iter(installed))}"
        problems.append(f"onnxruntime does not load: {error}\n  hint: {hint}")
        return {**installed, "providers": None}
    return {**installed, "providers": list(onnxruntime.get_available_providers())}


def _gpu() -> str | None:
    """By the driver's own files and tool; no library is loaded for it."""
    import subprocess

    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "found by its driver" if Path("/proc/driver/nvidia/version").exists() else None
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "nvidia-smi is there but finds none"
    return "; ".join(said.strip().splitlines()) or None


def _extras() -> dict[str, str]:
    """What is optional, with the command that installs it."""
    from importlib.util import find_spec

    return {
        extra: "installed" if all(find_spec(module) for module in modules) else f"pip install 'modelwright[{extra}]'"
        for extra, modules in EXTRAS.items()
    }
