"""One way to write JSON: sorted keys, shortest floats, no NaN, so that equal content has equal bytes."""

import hashlib
import json
import math
from typing import Any


def plain(value: Any) -> Any:
    """Containers, strings and numbers only; NaN and infinities become null (JSON has none)."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if hasattr(value, "item"):  # a numpy scalar, without importing numpy
        return plain(value.item())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise TypeError(f"{type(value).__name__} does not belong in JSON")


def to_json(value: Any) -> bytes:
    """Readable, indented, deterministic."""
    return (json.dumps(plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(value: Any) -> str:
    """sha256 of the compact canonical form."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
