"""What code would run: versions of the libraries that can change a number, a digest of our own sources."""

from __future__ import annotations

import functools
import hashlib
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import modelwright
from modelwright.core.canonical import digest

LIBRARIES = frozenset(
    {
        "catboost", "duckdb", "lightgbm", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "optuna",
        "pandas", "pyarrow", "scikit-learn", "scipy", "skl2onnx", "torch", "xgboost",
    }
)  # fmt: skip


@functools.cache
def library_versions() -> dict[str, str]:
    """Name to version, of the libraries above and of everything that offers parts to us by entry points.

    Read from the names of the `.dist-info` folders: importlib.metadata says the same 40 ms later.
    """
    found: dict[str, str] = {}
    for info in _distributions():
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name not in found and (name in LIBRARIES or _offers_parts(info)):
            found[name] = version
    return dict(sorted(found.items()))


@functools.cache
def library_digest() -> str:
    """Changes when a number may change: libraries, Python's minor version, processor family."""
    return digest([library_versions(), platform.python_version_tuple()[:2], platform.machine()])


@functools.cache
def code_digest() -> str:
    """sha256 over the package's own files."""
    root = Path(modelwright.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
            content = path.read_bytes()
            total.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()


def _distributions() -> Iterator[Path]:
    for entry in sys.path:
        try:
            yield from sorted(path for path in Path(entry or ".").iterdir() if path.suffix == ".dist-info")
        except OSError:
            continue


def _offers_parts(info: Path) -> bool:
    try:
        return b"[modelwright." in (info / "entry_points.txt").read_bytes()
    except OSError:
        return False
