"""What a training that was killed goes on from: one safetensors file, replaced as a whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

Arrays = Mapping[str, NDArray[Any]]


def digest(told: Mapping[str, Any], arrays: Mapping[str, NDArray[Any] | None]) -> str:
    """Of everything that a training depends on: another one must not go on from its checkpoint."""
    total = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        if array is not None:
            total.update(f"\0{name}{array.dtype.str}{array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def read(path: Path) -> dict[str, NDArray[Any]] | None:
    """None when there is none, or none that can be read: then training starts anew."""
    try:
        return dict(load(path.read_bytes()))
    except (OSError, SafetensorError, ValueError, KeyError):
        return None


def write(path: Path, arrays: Arrays) -> None:
    """All of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
