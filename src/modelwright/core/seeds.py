"""Child seeds: one root seed in the spec, a fixed seed for each named use of it."""

import hashlib


def child_seed(root: int, *labels: str | int) -> int:
    """A 31-bit seed for one use, e.g. `child_seed(7, "train", "fold", 3)`; the same on every machine."""
    text = "\0".join(str(part) for part in (root, *labels))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFF_FFFF
